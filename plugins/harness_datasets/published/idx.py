"""`idx`: images and labels in the format of MNIST, as Fashion-MNIST and KMNIST have it too.

Images are given as they are stored; EMNIST's files, of the same format, have rows and columns the other way round.
A file begins with two zeros, the type of its numbers, how many dimensions it has, and the size of each (32 bits, the
highest byte first). Source: LeCun, Cortes & Burges, "The MNIST database", 1998.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.declaring import Outline
from harness.api.reporting import list_some
from harness_datasets.chosen_classes import keep_classes, places
from harness_datasets.paths import find_folder
from harness_datasets.published.options import IdxOptions

UNSIGNED_BYTES = 8
TYPES = {8: "u1", 9: "i1", 11: "i2", 12: "i4", 13: "f4", 14: "f8"}
NAME = re.compile(r"(?P<before>.*?)(?P<part>train|t10k|test)[-_.](?P<what>images|labels)\b.*")
PARTS = {"train": "train", "t10k": "test", "test": "test"}

Array = np.ndarray[Any, np.dtype[Any]]


def load(options: IdxOptions) -> LoadedData:
    """Load ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the two of ``t10k`` or ``test``, packed by gzip or not.

    Images are ``(n, 1, height, width)`` of 8 bits. The classes are the numbers that there are among the labels.

    Raises:
        DataError: A file is missing, cut off, too long, no IDX file or of another type, or a class that is asked for
            is not there.
    """
    (folder,) = find_folder(options)
    images: list[Array] = []
    labels: list[Array] = []
    split: list[str] = []
    where: list[str] = []
    for part, pair in find_pairs(folder).items():
        pixels = read_idx(pair["images"], dimensions=3)
        own = read_idx(pair["labels"], dimensions=1)
        if len(pixels) != len(own):
            raise DataError(
                f"{pair['images']} has {len(pixels):,} images, and {pair['labels']} {len(own):,} labels"
            )
        if images and pixels.shape[1:] != images[0].shape[1:]:
            raise DataError(
                f"{pair['images']} has images of {_size(pixels)} pixels, and those for training {_size(images[0])}"
            )
        images.append(pixels)
        labels.append(own)
        split += [PARTS[part]] * len(own)
        where += [f"{pair['images'].name}, image {number}" for number in range(1, len(own) + 1)]
    found, targets = np.unique(np.concatenate(labels), return_inverse=True)
    data = LoadedData(
        modality="image",
        problem="classification",
        inputs=np.concatenate(images)[:, None],
        targets=targets.astype(np.int64),
        split=np.array(split) if len(set(split)) > 1 else None,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=tuple(map(str, found.tolist())),
        name_example=where.__getitem__,
    )
    return keep_classes(str(folder), data, options.classes)


def outline(options: IdxOptions) -> Outline:
    """Return the shape and the classes, from the headers and the labels.

    Raises:
        DataError: As of `load`.
    """
    (folder,) = find_folder(options)
    pairs = find_pairs(folder).values()
    labels = [np.unique(read_idx(pair["labels"], dimensions=1)) for pair in pairs]
    names = tuple(map(str, np.unique(np.concatenate(labels)).tolist()))
    kept = places(str(folder), names, options.classes or names)
    first = next(iter(pairs))["images"]
    with _open(first) as file:
        shape = _header(first, file, dimensions=3)
    return Outline(shape=(1, *shape[1:]), class_names=tuple(names[at] for at in kept), columns=())


def find_files(options: IdxOptions) -> list[Path]:
    """Return the files that `load` reads; the folder where it refuses to."""
    (folder,) = find_folder(options)
    try:
        return [path for pair in find_pairs(folder).values() for path in pair.values()]
    except DataError:
        return [folder]


def find_pairs(folder: Path) -> dict[str, dict[str, Path]]:
    """Return {"train" or "t10k" or "test": {"images": path, "labels": path}}, those for training first.

    Of a file that is there both packed and unpacked, as torchvision leaves it, the unpacked one is taken.

    Raises:
        DataError: There are none, one of a pair is missing, or there are several of one name.
    """
    found: dict[str, dict[str, Path]] = {}
    sets = set()
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        sets.add(match["before"])
        pair = found.setdefault(match["part"], {})
        if (before := pair.get(match["what"])) is not None:
            if path.name == f"{before.name}.gz":
                continue
            raise DataError(
                f"{folder} has {before.name} and {path.name}, of which one is needed; put each set, packed or "
                "unpacked, into a folder of its own"
            )
        pair[match["what"]] = path
    if len(sets) > 1:
        raise DataError(
            f"{folder} has files of several sets: {list_some([*map(repr, sorted(sets))])}; put each into a folder of its own"
        )
    if {"t10k", "test"} <= set(found):
        raise DataError(
            f"{folder} has files named t10k and files named test; one of both is needed"
        )
    if "train" not in found:
        raise DataError(
            f"{folder} has no train-images-idx3-ubyte and train-labels-idx1-ubyte, with or without .gz"
        )
    for part, pair in found.items():
        if len(pair) < 2:
            there = next(iter(pair))
            missing = "labels" if there == "images" else "images"
            raise DataError(f"{folder} has {pair[there].name}, and no {part}-{missing}-...")
    return dict(sorted(found.items(), key=lambda item: item[0] != "train"))


def read_idx(path: Path, dimensions: int) -> Array:
    """Read the unsigned bytes of a file, packed by gzip or not.

    Raises:
        DataError: It is cut off, too long, no IDX file, or has another number of dimensions or another type.
    """
    with _open(path) as file:
        shape = _header(path, file, dimensions)
        count = math.prod(shape)
        raw = _read(path, file, count + 1)
    if len(raw) != count:
        there = "more" if len(raw) > count else f"{len(raw):,}"
        raise DataError(
            f"{path} is {'too long' if len(raw) > count else 'cut off'}: its header tells of {_words(shape)}, which are "
            f"{count:,} bytes, and there are {there}"
        )
    if not count:
        raise DataError(f"{path} is empty: its header tells of {_words(shape)}")
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _read(path: Path, file: IO[bytes], count: int) -> bytes:
    """Read so many bytes, or as many as there are; memory for no more, whatever a header tells."""
    found = bytearray()
    try:
        while len(found) < count and (some := file.read(min(count - len(found), 2**20))):
            found += some
        return bytes(found)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is cut off or damaged: {error}") from None


def _header(path: Path, file: IO[bytes], dimensions: int) -> tuple[int, ...]:
    """Return the sizes that a header tells."""
    magic = _read(path, file, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise DataError(
            f"{path} is no IDX file: it begins with {magic.hex(' ') or 'nothing'}; 00 00 08 {dimensions:02} is needed, before or "
            "after gzip"
        )
    if magic[2] != UNSIGNED_BYTES or magic[3] != dimensions:
        raise DataError(
            f"{path} has {magic[3]} dimensions of the type {TYPES[magic[2]]}; {dimensions} of u1 (bytes) are needed"
        )
    sizes = _read(path, file, 4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path} is cut off within its header")
    return tuple(np.frombuffer(sizes, dtype=">u4").tolist())


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)


def _size(images: Array) -> str:
    return _words(images.shape[1:])
