"""`cifar10` and `cifar100`: the files for Python in which they are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.declaring import Outline
from harness_datasets.chosen_classes import keep_classes, places
from harness_datasets.paths import find_folder
from harness_datasets.published.options import Cifar10Options, Cifar100Options
from harness_datasets.published.plain_pickle import read_pickle

SHAPE = (3, 32, 32)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Batches:
    """Which files a set has, and the words in them. names: key of the class names in the file `meta`."""

    train: tuple[str, ...]
    test: str
    meta: str
    names: str
    labels: str

    @property
    def files(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.train, self.test, self.meta)


TEN = Batches(
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test_batch",
    "batches.meta",
    "label_names",
    "labels",
)


def hundred(labels: str) -> Batches:
    """Return what CIFAR-100 has: its 100 classes ("fine") or the 20 that they are grouped in ("coarse")."""
    return Batches(("train",), "test", "meta", f"{labels}_label_names", f"{labels}_labels")


def load_ten(options: Cifar10Options) -> LoadedData:
    """Load CIFAR-10, images ``(3, 32, 32)``: five files for training, one for testing and the names of the classes.

    Raises:
        DataError: A file is missing, damaged or of another set, or a class that is asked for is not there.
    """
    return _load(options, TEN)


def load_hundred(options: Cifar100Options) -> LoadedData:
    """Load CIFAR-100, images ``(3, 32, 32)``: a file for training, one for testing and the names of the classes.

    Raises:
        DataError: As of `load_ten`.
    """
    return _load(options, hundred(options.labels))


def outline_ten(options: Cifar10Options) -> Outline:
    """Return the shape and the classes.

    Raises:
        DataError: The names of the classes cannot be read.
    """
    return _outline(options, TEN)


def outline_hundred(options: Cifar100Options) -> Outline:
    """Return the shape and the classes.

    Raises:
        DataError: The names of the classes cannot be read.
    """
    return _outline(options, hundred(options.labels))


def files_of_ten(options: Cifar10Options) -> list[Path]:
    """Return the files that `load_ten` reads."""
    (folder,) = find_folder(options)
    return [folder / name for name in TEN.files]


def files_of_hundred(options: Cifar100Options) -> list[Path]:
    """Return the files that `load_hundred` reads."""
    (folder,) = find_folder(options)
    return [folder / name for name in hundred(options.labels).files]


def _load(options: Cifar10Options | Cifar100Options, batches: Batches) -> LoadedData:
    (folder,) = find_folder(options)
    names = _class_names(folder, batches)
    images, labels, places_of = [], [], []
    for name in (*batches.train, batches.test):
        pixels, own = _read_batch(folder / name, batches.labels, len(names))
        images.append(pixels)
        labels.append(own)
        places_of += [f"{name}, image {number}" for number in range(1, len(own) + 1)]
    tested = len(labels[-1])
    split = np.full(len(places_of), "train", dtype="U5")
    split[len(split) - tested :] = "test"
    data = LoadedData(
        modality="image",
        problem="classification",
        inputs=np.concatenate(images),
        targets=np.concatenate(labels),
        split=split,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=names,
        name_example=places_of.__getitem__,
    )
    return keep_classes(str(folder), data, options.classes)


def _outline(options: Cifar10Options | Cifar100Options, batches: Batches) -> Outline:
    (folder,) = find_folder(options)
    names = _class_names(folder, batches)
    kept = places(str(folder), names, options.classes or names)
    return Outline(shape=SHAPE, class_names=tuple(names[place] for place in kept), columns=())


def _class_names(folder: Path, batches: Batches) -> tuple[str, ...]:
    path = folder / batches.meta
    names = _value(_dictionary(path), batches.names)
    if not isinstance(names, list) or not all(isinstance(one, bytes | str) for one in names):
        raise DataError(f"{path} has no list of texts {batches.names!r}, the names of the classes")
    return tuple(one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in names)


def _read_batch(path: Path, key: str, classes: int) -> tuple[Array, Array]:
    """Return the images ``(n, 3, 32, 32)`` and the labels ``(n,)`` of a file."""
    found = _dictionary(path)
    data, labels = _value(found, "data"), _value(found, key)
    size = int(np.prod(SHAPE))
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != size
    ):
        said = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else "no array"
        raise DataError(f"{path} has {said} as 'data'; uint8 of shape (images, {size}) is needed")
    if not isinstance(labels, list) or not all(type(one) is int for one in labels):
        raise DataError(f"{path} has no list of whole numbers {key!r}, the class of each image")
    if len(labels) != len(data) or not labels:
        raise DataError(f"{path} has {len(data):,} images and {len(labels):,} {key}")
    for place, label in enumerate(labels, 1):
        if not 0 <= label < classes:
            raise DataError(
                f"{path}, image {place}: its class is {label}; allowed are 0 to {classes - 1}"
            )
    return data.reshape(-1, *SHAPE), np.array(labels, dtype=np.int64)


def _dictionary(path: Path) -> dict[Any, Any]:
    found = read_pickle(path)
    if not isinstance(found, dict):
        raise DataError(f"{path} holds a {type(found).__name__}; a dictionary is needed")
    return found


def _value(found: dict[Any, Any], key: str) -> Any:
    """Return what is under a key, which Python 2 has written as bytes; None where nothing is."""
    return found.get(key.encode(), found.get(key))
