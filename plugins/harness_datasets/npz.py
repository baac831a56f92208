"""`npz`: a person's own arrays, in a file of numpy or a folder of .npy files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.declaring import Outline
from harness_datasets.chosen_classes import keep_classes
from harness_datasets.options import NpzOptions
from harness_datasets.paths import find_file_or_folder
from harness_datasets.published.npy_images import open_array

CHANNELS = (1, 3, 4)
DIMENSIONS = {"sequence": (2, 3), "table": (2,)}
SPLIT_KEYS = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test",),
}

Array = np.ndarray[Any, np.dtype[Any]]


def load(options: NpzOptions) -> LoadedData:
    """Load ``inputs`` and ``targets``, or ``x_train``, ``y_train``, ``x_test`` ... as Keras writes, of one .npz file or of
    a folder that has an .npy file of each name.

    Images are ``(n, height, width)``, ``(n, height, width, channels)`` or ``(n, channels, height,
    width)``; what is white in them is 1 in the data (see `find_white`). Sequences are ``(n, time)`` or ``(n, time, features)``,
    tables ``(n, features)``; targets ``(n,)`` or ``(n, 1)``.

    Raises:
        DataError: A key is missing, an array has the wrong shape or type, or a class that is asked for is not there.
    """
    path = find_file_or_folder(options)
    arrays = read_arrays(path)
    inputs, targets, split = join_splits(path, arrays)
    if inputs.dtype.kind not in "buif":
        raise DataError(f"{path}: inputs are {inputs.dtype}; real numbers are needed")
    if inputs.dtype.kind == "b":
        inputs = inputs.astype("uint8")
    scale, low, high = 1.0, None, None
    if options.modality == "image":
        inputs = to_channels_first(path, inputs, options.layout)
        if white := find_white(path, inputs, options.white):
            scale, low, high = 1 / white, 0.0, 1.0
    elif options.white is not None:
        raise DataError(f"{path}: white={options.white:g} is for images, not {options.modality}s")
    elif inputs.ndim not in DIMENSIONS[options.modality]:
        raise DataError(
            f"{path}: inputs of shape {inputs.shape} are no {options.modality}s; "
            + ("(n, time, features)" if options.modality == "sequence" else "(n, features)")
            + " is needed"
        )
    elif options.modality == "sequence" and inputs.ndim == 2:
        inputs = inputs[:, :, None]
    data = LoadedData(
        modality=options.modality,
        problem=options.problem,
        inputs=inputs,
        targets=to_targets(path, targets, options.problem),
        split=split,
        scale=scale,
        low=low,
        high=high,
    )
    return keep_classes(str(path), data, options.classes)


def outline(options: NpzOptions) -> Outline:
    """Return the shape of an example, from the headers of the arrays; nothing where they are not as they should be."""
    path = find_file_or_folder(options)
    try:
        shapes = _header_shapes(path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, DataError):
        return Outline(columns=())  # the job that reads it says what is wrong
    found = {shape for name, shape in shapes.items() if name == "inputs" or name.startswith("x_")}
    if options.modality != "image" or len({shape[1:] for shape in found}) != 1:
        return Outline(columns=())
    # An array of no memory has the shape that the images get.
    inputs = np.broadcast_to(np.zeros((), dtype="uint8"), next(iter(found)))
    try:
        shape = to_channels_first(path, inputs, options.layout).shape[1:]
        return Outline(shape=tuple(shape), columns=())
    except DataError:
        return Outline(columns=())


def find_files(options: NpzOptions) -> list[Path]:
    """Return the file, or those in the folder that are read; the folder where there are none.

    Raises:
        UsageError: There is neither.
    """
    path = find_file_or_folder(options)
    return (list(_members(path).values()) or [path]) if path.is_dir() else [path]


def _members(folder: Path) -> dict[str, Path]:
    """Return the .npy files of a folder that have a name that is known, by name."""
    suffixes = [suffix for names in SPLIT_KEYS.values() for suffix in names]
    known = ["inputs", "targets", *(f"{axis}_{suffix}" for suffix in suffixes for axis in "xy")]
    return {name: path for name in known if (path := folder / f"{name}.npy").is_file()}


def _header_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    if path.is_dir():
        return {name: open_array(file).shape for name, file in _members(path).items()}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
                    version, np.lib.format.read_array_header_2_0
                )
                shapes[name.removesuffix(".npy")] = read(member)[0]
    return shapes


def read_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of a file, or those of a folder whose names are known; pickled objects, which could run code, are refused.

    Raises:
        DataError: It is not a .npz file, or holds Python objects.
    """
    if path.is_dir():
        return {name: open_array(file) for name, file in _members(path).items()}
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} holds a single array; save with numpy.savez")
            return {name: _read_member(path, archive, name) for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as a .npz file of numbers: {error}") from None


def _read_member(path: Path, archive: Any, name: str) -> Array:
    try:
        found: Array = archive[name]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read as a .npz file of numbers: member {name}: {error}"
        ) from None
    return found


def join_splits(path: Path, arrays: Mapping[str, Array]) -> tuple[Array, Array, Array | None]:
    """Return inputs, targets and the split of each example (None where the file has none)."""
    if "inputs" in arrays and "targets" in arrays:
        inputs, targets = arrays["inputs"], arrays["targets"]
        check_lengths(path, inputs, targets, "inputs", "targets")
        return inputs, targets, None
    parts: list[tuple[Array, Array, str]] = []
    for split, suffixes in SPLIT_KEYS.items():
        for suffix in suffixes:
            x, y = f"x_{suffix}", f"y_{suffix}"
            if (x in arrays) != (y in arrays):
                raise DataError(f"{path} has only one of {x} and {y}")
            if x in arrays:
                check_lengths(path, arrays[x], arrays[y], x, y)
                parts.append((arrays[x], arrays[y], split))
    if not parts:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(
            f"{path} has {found}; needed are inputs and targets, or x_train, y_train and, as far "
            f"as there are any, x_val, y_val, x_test, y_test"
        )
    shapes = {x.shape[1:] for x, _, _ in parts}
    if len(shapes) > 1 or len({y.shape[1:] for _, y, _ in parts}) > 1:
        raise DataError(f"{path}: the splits have examples of different shapes: {shapes}")
    return (
        np.concatenate([x for x, _, _ in parts]),
        np.concatenate([y for _, y, _ in parts]),
        np.concatenate([np.full(len(x), split, dtype="U10") for x, _, split in parts]),
    )


def check_lengths(path: Path, x: Array, y: Array, x_name: str, y_name: str) -> None:
    """Raise a DataError unless both are arrays over as many examples, and not none."""
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise DataError(f"{path}: {x_name} is {x.shape} and {y_name} is {y.shape}")


def find_white(path: Path, inputs: Array, asked: float | None) -> float:
    """Return which value is white, and so becomes 1 where 0 stays 0; 0 where the data keep their range.

    That is what was `asked` for; else 1 where all values lie in 0 to 1, the largest number of a
    type of 8 or 16 bits without a sign, and for all other arrays their own range.

    Raises:
        DataError: A value is below 0 or above the white that was asked for.
    """
    if not inputs.size:
        return 0.0
    low, high = float(inputs.min()), float(inputs.max())
    if asked is not None:
        if not (low >= 0 and high <= asked):
            raise DataError(
                f"{path}: inputs reach from {low:g} to {high:g}; white={asked:g} needs 0 to {asked:g}"
            )
        return asked
    if low >= 0 and high <= 1:
        return 1.0
    if inputs.dtype.kind == "u" and inputs.dtype.itemsize <= 2:
        return float(np.iinfo(inputs.dtype).max)
    return 0.0


def to_channels_first(path: Path, inputs: Array, layout: str) -> Array:
    """Return images as ``(n, channels, height, width)``.

    Raises:
        DataError: They are no images, or it cannot be told where the channels stand.
    """
    if inputs.ndim == 3:
        return inputs[:, None]
    if inputs.ndim != 4:
        raise DataError(
            f"{path}: inputs of shape {inputs.shape} are no images; give modality=table or modality=sequence"
        )
    first, last = inputs.shape[1] in CHANNELS, inputs.shape[3] in CHANNELS
    if layout == "auto":
        if first == last:
            raise DataError(
                f"{path}: in inputs of shape {inputs.shape} it cannot be told where the channels "
                f"stand; say layout=channels_first or layout=channels_last"
            )
        layout = "channels_first" if first else "channels_last"
    return inputs if layout == "channels_first" else np.moveaxis(inputs, 3, 1)


def to_targets(path: Path, targets: Array, problem: str) -> Array:
    """Return targets ``(n,)``, int64 for classes and float64 for real numbers.

    Raises:
        DataError: They have another shape, or are not what the problem asks for.
    """
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        raise DataError(
            f"{path}: targets of shape {targets.shape}; one number an example is needed"
        )
    if targets.dtype.kind not in "buif":
        raise DataError(f"{path}: targets are {targets.dtype}; numbers are needed")
    if problem == "regression":
        return targets.astype("float64")
    if targets.dtype.kind == "f" and not np.array_equal(targets, np.floor(targets)):
        raise DataError(
            f"{path}: targets are not whole numbers; for real ones say problem=regression"
        )
    return targets.astype("int64")
