"""What is installed where jobs run, as far as their outcomes depend on it; and how two machines differ in it."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalogue.counts import list_some
from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.modules import find_origin
from harness.catalogue.reach import reach, reach_core
from harness.machine.environment import library_versions
from harness.plan.file_digests import file_digest
from harness.plan.fingerprint import core_digest, digest
from harness.plan.jobs import Job, named_items
from harness.plan.libraries import library_version

_CORE = "the harness's own code"


@dataclass(frozen=True)
class Installed:
    """What is installed on a machine.

    versions: of Python and of the libraries. plugins: version by name of those that are usable, "" of a file's. code:
    a digest by name of the module, of all code that it can reach as fingerprints do; "" where there is none.
    """

    versions: Mapping[str, str]
    plugins: Mapping[str, str]
    code: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: dict(value) for name, value in vars(self).items()}

    @classmethod
    def look(cls, choice: PluginChoice, modules: Iterable[str]) -> Installed:
        """Look at this machine. choice: the plugins that jobs need. modules: where their items live."""
        host = Host(choice)
        core = "".join(core_digest(sort) for sort in ("prepare", "fit", "measure"))
        return cls(
            {"python": platform.python_version(), **library_versions()},
            {one.name: one.version for one in host.plugins if one.status == "ok"},
            {_CORE: core, **{name: _digest(name) for name in modules}},
        )

    def differences(self, there: Installed) -> list[str]:
        """Say what is another one there, or not there at all, so that outcomes would not be those of here."""
        found = []
        for name, version in self.versions.items():
            other = there.versions.get(name, "")
            if other != version:
                found.append(f"{name} {other or 'none'} instead of {version}")
        missing = [name for name in self.plugins if name not in there.plugins]
        if missing:
            found.append(f"no plugin {list_some(missing)}")
        for name, version in self.plugins.items():
            other = there.plugins.get(name, version)
            if other != version:
                found.append(
                    f"plugin {name} {other or 'of no version'} instead of {version or 'one of no version'}"
                )
        changed = [name for name, code in self.code.items() if there.code.get(name, "") != code]
        lacking = [name for name in changed if not there.code.get(name)]
        modules = [name for name in changed if name not in (_CORE, *lacking)]
        if _CORE in changed:
            found.append(f"another version of {_CORE}")
        if modules:
            found.append(f"another version of module {list_some(modules)}")
        if lacking:
            found.append(f"no module {list_some(lacking)}")
        return found


def modules_named(jobs: Iterable[Job], preload: Sequence[str]) -> list[str]:
    """Return the modules that jobs need beside the core: of the plugins' items, and of a person's own classes."""
    found = dict.fromkeys(preload)
    for spec in {id(job.spec): job.spec for job in jobs}.values():
        for _, item in named_items(spec):
            module, colon, _ = str(item["name"]).partition(":")
            if colon:
                found[module] = None
    return list(found)


def _digest(module: str) -> str:
    """Digest a module and all that it imports, wherever that lies: helpers of its package, the core, libraries."""
    try:
        if find_origin(module) is None:
            return ""
        found = reach(frozenset({(module, "")}))
    except (ImportError, ValueError):  # a parent that is not there, or that fails
        return ""
    core = reach_core(found.core)
    return digest(
        found.digest,
        core.digest,
        sorted(file_digest(Path(path)) for path in found.compiled),
        {top: library_version(top) for top in found.installed | found.libraries | core.libraries},
    )
