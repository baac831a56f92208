"""Images of .npy files, as the published sets of CIFAR and MNIST keep them: read by slice, never as objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError

Array = np.ndarray[Any, np.dtype[Any]]


def open_array(path: Path) -> Array:
    """Map an .npy file into memory.

    Raises:
        DataError: It is not there, cut off, or holds Python objects, which could run code.
    """
    try:
        opened: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read as an .npy file of numbers: {error}") from None
    if not isinstance(opened, np.ndarray):
        raise DataError(f"{path} is an archive; an .npy file of one array is needed")
    return opened


def open_images(path: Path, count: int, shape: tuple[int, int, int]) -> Array:
    """Map images ``(count, height, width, channels)`` of 8 bits; `shape` is channels, height, width.

    Raises:
        DataError: They are others.
    """
    images, (channels, height, width) = open_array(path), shape
    wanted = (count, height, width, channels)
    grey = channels == 1 and images.shape == (count, height, width)
    if (images.shape != wanted and not grey) or images.dtype != np.uint8:
        raise DataError(
            f"{path} has {images.dtype} of shape {images.shape}; uint8 of {wanted} is needed, an image for each label"
        )
    return images[..., None] if grey else images


def open_labels(path: Path, classes: int) -> Array:
    """Read labels ``(n,)``, 0 to `classes` - 1.

    Raises:
        DataError: They are others.
    """
    labels = open_array(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise DataError(
            f"{path} has {labels.dtype} of shape {labels.shape}; a whole number for each image is needed"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"{path} has labels from {low} to {high}; allowed are 0 to {classes - 1}")
    return labels.astype("int64")


@dataclass(frozen=True)
class Blocks:
    """Blocks of images one after the other, given channels first: uint8 ``(examples, channels, height, width)``.

    blocks: arrays ``(n, height, width, channels)``.
    """

    blocks: Sequence[Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all examples."""
        height, width, channels = self.blocks[0].shape[1:]
        return (sum(map(len, self.blocks)), channels, height, width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Bytes."""
        return np.dtype("uint8")

    def __getitem__(self, index: slice) -> Array:
        """Return the examples of a slice."""
        start, stop, _ = index.indices(self.shape[0])
        found, before = [np.empty((0, *self.blocks[0].shape[1:]), np.uint8)], 0
        for block in self.blocks:
            found.append(np.asarray(block[max(0, start - before) : max(0, stop - before)]))
            before += len(block)
        return np.ascontiguousarray(np.concatenate(found).transpose(0, 3, 1, 2))
