"""Installed libraries: their versions, and what tells two installations of one version apart."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
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
    for name in _providers(package):
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
    return ",".join(f"{name}={version(name)}" for name in _providers(package))


def _providers(package: str) -> list[str]:
    """Return the names of the distributions that provide an importable package, in order."""
    return sorted({found.metadata["Name"] for found in _distributions().get(package, ())})


@lru_cache
def _distributions() -> dict[str, list[importlib.metadata.Distribution]]:
    """Return the distributions that provide each importable name.

    As `importlib.metadata.packages_distributions`, which makes a path of each installed file, reads each
    distribution's metadata for each of its names, and takes half a second.
    """
    found: dict[str, list[importlib.metadata.Distribution]] = {}
    for distribution in importlib.metadata.distributions():
        declared = (distribution.read_text("top_level.txt") or "").split()
        for name in declared or _installed_names(distribution.read_text("RECORD") or ""):
            found.setdefault(name, []).append(distribution)
    return found


def _installed_names(record: str) -> set[str]:
    """Return the names that the files of an installer's record can be imported by."""
    tops = {line.partition(",")[0].partition("/")[:2] for line in record.splitlines()}
    names = {top if slash else inspect.getmodulename(top) for top, slash in tops}
    return {name for name in names if name and name.isidentifier()}
