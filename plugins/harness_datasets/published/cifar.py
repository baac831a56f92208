"""`cifar10_c` and `cifar10_1`: CIFAR-10 corrupted, and collected anew, as .npy files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.declaring import Outline
from harness.api.reporting import list_some
from harness_datasets.paths import find_folder
from harness_datasets.published.npy_images import Array, Blocks, open_images, open_labels
from harness_datasets.published.options import Cifar10COptions, Cifar101Options

SHAPE = (3, 32, 32)
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)
ALSO = {"airplane": ("airplane", "aeroplane", "plane"), "automobile": ("automobile", "car")}
MEANS = tuple(ALSO.get(name, (name,)) for name in CLASSES)
LEVELS = 5
OUTLINE = Outline(shape=SHAPE, class_names=CLASSES, means=MEANS)


def load_corrupted(options: Cifar10COptions) -> LoadedData:
    """Load CIFAR-10-C, images ``(3, 32, 32)``: `labels.npy` and a file for each corruption, five severities one after the other.

    The image at each place of a severity was made of the test image of CIFAR-10 at that place.

    Raises:
        DataError: A file is missing or damaged, or of another length or shape.
    """
    labels, found = _read_corrupted(options)
    count = len(labels) // LEVELS
    blocks: list[Array] = []
    parts = []
    for name, images in found.items():
        for severity in options.severities:
            rows = slice((severity - 1) * count, severity * count)
            blocks.append(images[rows])
            parts.append({"shift": name, "severity": severity})
    own = np.concatenate(
        [labels[(s - 1) * count : s * count] for _ in found for s in options.severities]
    )
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=Blocks(blocks),
        targets=own,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=CLASSES,
        means=MEANS,
        parts=tuple(parts),
        part=np.repeat(np.arange(len(parts)), count),
        sources=np.tile(np.arange(count), len(parts)),
    )


def outline_corrupted(options: Cifar10COptions) -> Outline:
    """Return what is known of CIFAR-10-C, after a look at the length of each file.

    Raises:
        DataError: One is missing or damaged, or of another length.
    """
    _read_corrupted(options)
    return OUTLINE


def _read_corrupted(options: Cifar10COptions) -> tuple[Array, dict[str, Array]]:
    (folder,) = find_folder(options)
    labels = open_labels(folder / "labels.npy", len(CLASSES))
    if len(labels) % LEVELS:
        raise DataError(
            f"{folder / 'labels.npy'} has {len(labels):,} labels, which are not {LEVELS} severities of as many images"
        )
    names = _corruptions(folder, options)
    return labels, {name: open_images(folder / f"{name}.npy", len(labels), SHAPE) for name in names}


def _corruptions(folder: Path, options: Cifar10COptions) -> tuple[str, ...]:
    there = sorted(path.stem for path in folder.glob("*.npy") if path.stem != "labels")
    if not there:
        raise DataError(f"{folder} has no .npy file of a corruption beside labels.npy")
    missing = [name for name in options.corruptions if name not in there]
    if missing:
        raise DataError(
            f"{folder} has no {missing[0]}.npy; its corruptions are {list_some(there, 20)}"
        )
    return options.corruptions or tuple(there)


def corrupted_files(options: Cifar10COptions) -> list[Path]:
    """Return the files that `load_corrupted` reads; the folder where it refuses to."""
    (folder,) = find_folder(options)
    try:
        names = _corruptions(folder, options)
    except DataError:
        return [folder]
    return [folder / f"{name}.npy" for name in ("labels", *names)]


def load_anew(options: Cifar101Options) -> LoadedData:
    """Load CIFAR-10.1: images ``(3, 32, 32)`` that were collected anew as those of CIFAR-10 had been.

    Raises:
        DataError: A file is missing or damaged, or of another length or shape.
    """
    images, labels = _read_anew(options)
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=Blocks([images]),
        targets=labels,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=CLASSES,
        means=MEANS,
    )


def outline_anew(options: Cifar101Options) -> Outline:
    """Return what is known of CIFAR-10.1, after a look at the length of its files.

    Raises:
        DataError: One is missing or damaged, or of another length.
    """
    _read_anew(options)
    return OUTLINE


def anew_files(options: Cifar101Options) -> list[Path]:
    """Return the two files of a version."""
    (folder,) = find_folder(options)
    return [folder / f"cifar10.1_{options.version}_{what}.npy" for what in ("data", "labels")]


def _read_anew(options: Cifar101Options) -> tuple[Array, Array]:
    images, labels = anew_files(options)
    known = open_labels(labels, len(CLASSES))
    return open_images(images, len(known), SHAPE), known
