"""Fingerprints: SHA-256 over all that can change an outcome, and nothing else.

Sources are read, never imported.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.metadata
import json
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.catalogue.kinds import Chosen
from harness.catalogue.references import find_source, module_name
from harness.plan.file_digests import file_digest, file_digests, walk
from harness.plan.files import dataset_files

FORMAT_VERSION = 1  # of what job processes write; a change runs everything again

_INSTALLED = {"site-packages", "dist-packages"}  # folders that installers fill
_PACKAGE = Path(__file__).resolve().parent.parent
_WINGS = {"prepare": ("data",), "fit": ("data", "train"), "measure": ("data", "machine", "measure")}


def digest(*parts: Any) -> str:
    """Return the SHA-256, in hex, of JSON values; the order of keys changes nothing."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def join(*digests: str) -> str:
    """Return the digest of digests: cheaper than JSON where there are many."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def item_digest(chosen: Chosen) -> str:
    """Digest an item: its name and options, the sources behind it and the libraries they use."""
    modules = {module_name(reference) for reference in chosen.item.callables()}
    if chosen.item.options is not None:
        modules.add(chosen.item.options.__module__)
    sources = {module: _module_digest(module) for module in sorted(modules) if module}
    libraries = {name: version(name) for name in chosen.item.distributions}
    return digest(chosen.item.kind, chosen.name, chosen.options, sources, libraries)


def look_anew() -> None:
    """Forget where modules were found: a notebook may have moved to another folder since."""
    find_source.cache_clear()
    _is_library.cache_clear()


def core_digest(sort: str) -> str:
    """Digest the part of the core that runs a sort of job, the versions of torch and numpy too."""
    files = sorted(path for wing in _WINGS[sort] for path in (_PACKAGE / wing).glob("*.py"))
    files += [_PACKAGE / "execute" / name for name in (f"{sort}_job.py", "job_device.py")]
    return digest(
        FORMAT_VERSION,
        {str(path.relative_to(_PACKAGE)): file_digest(path) for path in files},
        {name: version(name) for name in ("torch", "numpy", "safetensors")},
    )


def data_digest(dataset: Chosen) -> str:
    """Digest the contents of the files that a data set reads, and their names where it has several."""
    parts: list[Any] = []
    single: list[Path] = []
    for path in dataset_files(dataset):
        if path.is_dir():
            parts.append(file_digests(walk(path)))
        else:
            single.append(path)
    if single:
        found = file_digests(single)
        parts.append(found if len(found) > 1 else list(found.values()))
    return digest(parts)


def weights_digest(weights: str) -> str:
    """Digest the weights that a fit starts from: a word, or the contents of a file."""
    if weights in ("random", "pretrained"):
        return weights
    return file_digest(Path(weights).expanduser())


def _module_digest(name: str) -> str:
    """Digest a module, those of its author that it imports, and the libraries that they import.

    The author's are those in the module's own package, and those that no installation has put where
    they are: files beside it, or on a path of the user's.
    """
    sources, libraries = _closure(name)
    return digest(
        {module: file_digest(Path(path)) for module, path in sources},
        {library: library_version(library) for library in libraries},
    )


def _closure(name: str) -> tuple[list[tuple[str, str]], list[str]]:
    package = name.partition(".")[0]
    sources: dict[str, str] = {}
    libraries: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in sources:
            continue
        path = find_source(module)
        if path is None:
            continue
        sources[module] = str(path)
        status = path.stat()
        for imported in _imports(module, str(path), status.st_size, status.st_mtime_ns):
            top = imported.partition(".")[0]
            if top == package or (not _is_library(top) and find_source(imported)):
                waiting.append(imported)
            elif top != "harness" and top not in sys.stdlib_module_names:
                libraries.add(top)
    return sorted(sources.items()), sorted(libraries)


@lru_cache(maxsize=4096)
def _is_library(top: str) -> bool:
    """Whether an importable package is Python's, ours or installed, so that a version says it all."""
    if top == "harness" or top in sys.stdlib_module_names:
        return True
    spec = importlib.machinery.PathFinder.find_spec(top)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    return any(_INSTALLED.intersection(Path(place).parts) for place in places if place)


@lru_cache(maxsize=4096)
def _imports(module: str, path: str, size: int, changed: int) -> tuple[str, ...]:
    """Return the names that a module imports, absolute; of `from a import b` both a and a.b."""
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except SyntaxError:
        return ()
    is_package = path.endswith("__init__.py")
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            found.append(base)
            found += [f"{base}.{alias.name}" for alias in node.names]
    return tuple(found)


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
