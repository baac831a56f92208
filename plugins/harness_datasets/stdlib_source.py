"""`stdlib_source`: Python source of ten packages of the standard library, byte by byte."""

from __future__ import annotations

import numpy as np

from harness.api import DataError, DataNote, LoadedData, TextCode
from harness_datasets.built_in_options import StdlibSourceOptions
from harness_datasets.stdlib_files import require_sources, sources_of, turn_of
from harness_datasets.text_windows import windows

PACKAGES = (
    *("asyncio", "ctypes", "email", "encodings", "http"),
    *("importlib", "multiprocessing", "unittest", "urllib", "xml"),
)
MOST = {"train": 300, "validation": 100, "test": 100}  # windows of a package


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
        files = require_sources("stdlib_source", package)
        for part, most in MOST.items():
            mine = [name for turn, name in enumerate(files) if turn_of(turn) == part]
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
        text=TextCode(by="bytes"),
        notes=(note,),
    )


def find_files() -> list[str]:
    """Return the files that it reads, which another version of Python has otherwise."""
    return [str(file) for package in PACKAGES for file in sources_of(package).values()]
