"""`stdlib_source`: Python source of ten packages of the standard library, byte by byte."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harness.api import DataError, DataNote, LoadedData
from harness_datasets.options import StdlibSourceOptions
from harness_datasets.text_windows import windows

PACKAGES = (
    *("asyncio", "ctypes", "email", "encodings", "http"),
    *("importlib", "multiprocessing", "unittest", "urllib", "xml"),
)
MOST = {"train": 300, "validation": 100, "test": 100}  # windows of a package
_TURNS = ("train", "test", "validation", "train", "train")  # of a package's files, by falling size


def load(options: StdlibSourceOptions) -> LoadedData:
    """Load windows of bytes ``(windows, length)`` and the number of the package that each is from.

    The files of a package, the largest first, are for training, testing, validation, training and training in turn, so that
    no file is in two splits and each package in all; of a package's windows in a split, some hundred evenly spaced ones
    are taken.

    Raises:
        DataError: A package has no sources, or no file in a split.
    """
    found: list[np.ndarray] = []
    names: list[str] = []
    labels: list[int] = []
    split: list[str] = []
    for label, package in enumerate(PACKAGES):
        files = _files(package)
        if not files:
            raise DataError(
                f"stdlib_source: this Python has no sources (.py) of its package {package}; use one that is installed with "
                "them, or another data set"
            )
        for part, most in MOST.items():
            mine = [name for turn, name in enumerate(files) if _TURNS[turn % 5] == part]
            cut = [windows(files[name].read_bytes(), options.length) for name in mine]
            every = np.concatenate(cut) if cut else np.empty((0, options.length), dtype=np.uint8)
            if not len(every):
                raise DataError(
                    f"stdlib_source: Python's {package} has no file of {options.length} bytes for {part}; give a "
                    "smaller length"
                )
            of = [name for name, one in zip(mine, cut, strict=True) for _ in one]
            taken = np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).astype(int))
            found.append(every[taken])
            names += [of[row] for row in taken]
            labels += [label] * len(taken)
            split += [part] * len(taken)
    note = DataNote(
        title="What the text was made of",
        header=("what", "how"),
        rows=(
            ("text", "the sources of ten packages of Python's standard library, as bytes"),
            ("examples", f"{len(labels):,} windows of {options.length} bytes, evenly spaced"),
            ("splits", "no file is in two"),
        ),
    )
    return LoadedData(
        modality="tokens",
        problem="classification",
        inputs=np.concatenate(found),
        targets=np.array(labels),
        split=split,
        low=0.0,
        high=255.0,
        class_names=PACKAGES,
        name_example=lambda row: f"a window of {names[row]}",
        notes=(note,),
    )


def _files(package: str) -> dict[str, Path]:
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


def find_files() -> list[str]:
    """Return the files that it reads, which another version of Python has otherwise."""
    return [str(file) for package in PACKAGES for file in _files(package).values()]
