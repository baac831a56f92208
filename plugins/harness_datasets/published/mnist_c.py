"""`mnist_c`: MNIST corrupted, a folder of .npy files for each corruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.declaring import Outline
from harness.api.reporting import list_some
from harness_datasets.paths import find_folder
from harness_datasets.published.npy_images import Array, Blocks, open_images, open_labels
from harness_datasets.published.options import MnistCOptions

SHAPE = (1, 28, 28)
CLASSES = tuple(map(str, range(10)))
UNCHANGED = "identity"


def load(options: MnistCOptions) -> LoadedData:
    """Load the test images ``(1, 28, 28)`` of each corruption; `identity`, which changes nothing, only where it is named.

    The image at each place was made of the test image of MNIST at that place.

    Raises:
        DataError: A file is missing or damaged, or of another length or shape.
    """
    found = _read(options)
    lengths = [len(labels) for _, labels in found.values()]
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=Blocks([images for images, _ in found.values()]),
        targets=np.concatenate([labels for _, labels in found.values()]),
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=CLASSES,
        parts=tuple({"shift": name} for name in found),
        part=np.repeat(np.arange(len(found)), lengths),
        sources=np.concatenate([np.arange(length) for length in lengths]),
    )


def outline(options: MnistCOptions) -> Outline:
    """Return what is known of MNIST-C, after a look at the length of each file.

    Raises:
        DataError: One is missing or damaged, or of another length.
    """
    _read(options)
    return Outline(shape=SHAPE, class_names=CLASSES)


def find_files(options: MnistCOptions) -> list[Path]:
    """Return the files that `load` reads; the folder where it refuses to."""
    (folder,) = find_folder(options)
    try:
        names = _corruptions(folder, options)
    except DataError:
        return [folder]
    return [folder / name / f"test_{what}.npy" for name in names for what in ("images", "labels")]


def _read(options: MnistCOptions) -> dict[str, tuple[Array, Array]]:
    (folder,) = find_folder(options)
    found = {}
    for name in _corruptions(folder, options):
        labels = open_labels(folder / name / "test_labels.npy", len(CLASSES))
        images = open_images(folder / name / "test_images.npy", len(labels), SHAPE)
        found[name] = (images, labels)
    return found


def _corruptions(folder: Path, options: MnistCOptions) -> tuple[str, ...]:
    there = sorted(path.parent.name for path in folder.glob("*/test_images.npy"))
    if not there:
        raise DataError(f"{folder} has no folder of a corruption with test_images.npy in it")
    missing = [name for name in options.corruptions if name not in there]
    if missing:
        raise DataError(
            f"{folder} has no corruption {missing[0]!r}; there are {list_some(there, 20)}"
        )
    return options.corruptions or tuple(name for name in there if name != UNCHANGED) or (UNCHANGED,)
