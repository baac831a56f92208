"""Where modules lie, found without importing them or their parents."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

_PYTHONS = (
    importlib.machinery.PathFinder,
    importlib.machinery.BuiltinImporter,
    importlib.machinery.FrozenImporter,
)
_DEEPEST = 50  # packages in packages
_INSTALLED = {"site-packages", "dist-packages"}  # folders that installers fill


def find_source(name: str) -> Path | None:
    """Return the source file of a module; None if it has none (compiled, a namespace, nothing).

    A module that is already imported (a plugin loaded from a file) answers for itself.
    """
    origin = find_origin(name)
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def find_origin(name: str) -> str | None:
    """Return the file that a module is loaded from, source or compiled; None if there is none."""
    return _find(name)[0]


def exists(name: str) -> bool:
    """Whether there is a module or namespace package of a name."""
    return any(_find(name))


def folders_of(name: str) -> tuple[str, ...]:
    """Return the folders in which a package's submodules are."""
    return _find(name)[1]


@lru_cache(maxsize=65536)
def is_library(top: str) -> bool:
    """Whether an importable package is Python's, ours or installed, so that a version says it all."""
    if top == "harness" or top in sys.stdlib_module_names:
        return True
    origin, folders = _find(top)
    return any(_INSTALLED.intersection(Path(p).parts) for p in (origin, *folders) if p)


@lru_cache(maxsize=1)
def plugin_packages() -> frozenset[str]:
    """Return the top-level packages of installed plugins: their sources are read all the same."""
    points = importlib.metadata.entry_points(group="harness")
    return frozenset(point.module.partition(".")[0] for point in points)


def look_anew() -> None:
    """Forget where modules were found: a notebook may have moved to another folder since."""
    _find.cache_clear()
    is_library.cache_clear()
    importlib.invalidate_caches()


@lru_cache(maxsize=65536)
def _find(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return a module's file, and the folders of its submodules."""
    loaded = sys.modules.get(name)
    origin = getattr(loaded, "__file__", None)
    if origin:
        return str(origin), tuple(map(str, getattr(loaded, "__path__", ())))
    parent, _, last = name.rpartition(".")
    if not last.isidentifier() or name.count(".") > _DEEPEST:
        return None, ()
    folders = _find(parent)[1] if parent else None
    if folders == ():
        return None, ()
    spec = _spec(last, folders)
    if spec is None:
        return None, ()
    if spec.loader is None:  # a namespace package: all folders of its name
        places = [os.path.join(p or os.curdir, last) for p in (folders or sys.path)]
        return None, tuple(place for place in places if os.path.isdir(place))
    return spec.origin, tuple(spec.submodule_search_locations or ())


def _spec(last: str, folders: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    """Find a module by its last name alone: by its full name a parent would have to be imported."""
    try:
        spec = importlib.machinery.PathFinder.find_spec(last, folders)
        if spec is None and folders is None:
            for finder in sys.meta_path:  # such as that of an editable install
                find = getattr(finder, "find_spec", None)
                if find is not None and finder not in _PYTHONS:
                    spec = spec or find(last, None)
    except (ImportError, ValueError, KeyError, OSError):
        return None
    return spec
