"""Installed libraries: their versions, and what tells two installations of one version apart."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from harness.catalogue.modules import folders_of
from harness.plan.file_digests import file_digest

_SLACK_NS = 120 * 10**9  # an installer writes its record last, a little after the files


@lru_cache(maxsize=256)
def installed_digest(package: str) -> str:
    """Digest an installed package: its version, its installer's record, and sources edited since.

    The record holds a digest of each file, so that another build of one version is told apart.
    """
    parts = [library_version(package)]
    installed_ns = 0
    for name in sorted(set(_distributions().get(package, ()))):
        distribution = importlib.metadata.distribution(name)
        parts.append(distribution.read_text("RECORD") or "")
        for file in distribution.files or ():
            if file.name == "RECORD":
                installed_ns = max(installed_ns, Path(str(file.locate())).stat().st_mtime_ns)
    for folder in folders_of(package):
        for path in sorted(Path(folder).rglob("*.py")):
            if path.stat().st_mtime_ns > installed_ns + _SLACK_NS:
                parts += [str(path), file_digest(path)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache
def version(distribution: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@lru_cache
def library_version(package: str) -> str:
    """Return the versions of the distributions that provide an importable package."""
    found = version(package)
    if found != "not installed":
        return found
    return ",".join(f"{d}={version(d)}" for d in sorted(set(_distributions().get(package, ()))))


@lru_cache
def _distributions() -> dict[str, Iterable[str]]:
    return dict(importlib.metadata.packages_distributions())
