"""The sources of packages of Python's standard library, and for which split each is."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from harness.api import DataError

_TURNS = ("train", "test", "validation", "train", "train")  # of a package's files, by falling size


def turn_of(place: int) -> str:
    """Return the split of a package's file by its place among them, so that each package is in all splits."""
    return _TURNS[place % len(_TURNS)]


def require_sources(dataset: str, package: str) -> dict[str, Path]:
    """Return the sources of a package, as `sources_of` does.

    Raises:
        DataError: It has none here.
    """
    files = sources_of(package)
    if not files:
        raise DataError(
            f"{dataset}: this Python has no sources (.py) of its package {package}; use one that is installed with "
            "them, or another data set"
        )
    return files


def sources_of(package: str) -> dict[str, Path]:
    """Return the sources of a package by name, "email/parser.py", the largest first; its tests, which not every Python
    has, are left out.
    """
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    root = Path(spec.origin).parent
    files = [
        file
        for file in root.rglob("*.py")
        if not {"test", "tests", "__pycache__"} & set(file.relative_to(root).parts)
    ]
    files.sort(key=lambda file: (-file.stat().st_size, file.as_posix()))
    return {file.relative_to(root.parent).as_posix(): file for file in files}
