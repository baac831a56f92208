"""Fingerprints: SHA-256 over all that can change an outcome, and nothing else.

Sources are read, never imported.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.reach import Root, reach, reach_core
from harness.catalogue.reach import look_anew as reach_look_anew
from harness.catalogue.roots import Roots
from harness.plan.content import files_digest
from harness.plan.file_digests import file_digest
from harness.plan.files import check_files
from harness.plan.libraries import installed_digest, library_version, version

FORMAT_VERSION = 1  # of what job processes write; a change runs everything again


def digest(*parts: Any) -> str:
    """Return the SHA-256, in hex, of JSON values; the order of keys changes nothing."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def join(*digests: str) -> str:
    """Return the digest of digests: cheaper than JSON where there are many."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def item_digest(chosen: Chosen) -> str:
    """Digest an item: its name and options, the code that it can reach, libraries, the files it names."""
    roots = Roots(chosen.item)
    libraries = {name: version(name) for name in chosen.item.distributions}
    return digest(
        chosen.item.kind,
        chosen.name,
        chosen.options,
        roots.values,
        code_digest(roots.definitions),
        libraries,
        "" if chosen.item.kind == "dataset" else _named_files(chosen),  # a data set's are its job's
    )


def _named_files(chosen: Chosen) -> str:
    if chosen.item.files is None:
        return ""
    check_files(chosen)
    return files_digest(chosen)


@lru_cache(maxsize=4096)
def code_digest(definitions: frozenset[Root]) -> str:
    """Digest the code that definitions can reach, the core's too, and the libraries behind it."""
    found = reach(definitions)
    core = reach_core(found.core)
    return digest(
        found.digest,
        core.digest,
        {path: file_digest(Path(path)) for path in found.compiled},
        {top: installed_digest(top) for top in found.installed},
        {top: library_version(top) for top in found.libraries | core.libraries},
    )


def look_anew() -> None:
    """Forget what code was reached: sources may have changed since."""
    reach_look_anew()
    code_digest.cache_clear()
    installed_digest.cache_clear()


def core_digest(sort: str) -> str:
    """Digest the part of the core that runs a sort of job: all that its module imports."""
    return module_digest(f"harness.execute.{sort}_job")


def module_digest(name: str) -> str:
    """Digest a module of the core with all that it imports, and the versions of libraries."""
    core = reach_core(frozenset({name}))
    return digest(
        FORMAT_VERSION, core.digest, {top: library_version(top) for top in core.libraries}
    )
