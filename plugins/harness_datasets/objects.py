"""The objects of images as targets of detection: rows (left, top, right, bottom, class, weight), as many for each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.api import DataError

Array = np.ndarray[Any, np.dtype[Any]]

MOST = 100  # of an image
EMPTY = (0.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def as_targets(rows: Sequence[Sequence[Sequence[float]]], name: Callable[[int], str]) -> Array:
    """Return the rows of each image filled up with empty ones, float32 ``(images, 100, 6)``; name: of an image, for messages.

    Raises:
        DataError: An image has more.
    """
    found = np.tile(np.array(EMPTY, dtype=np.float32), (len(rows), MOST, 1))
    for place, own in enumerate(rows):
        if len(own) > MOST:
            raise DataError(
                f"{name(place)} has {len(own)} boxes; {MOST} are the most, as no more answers of an image count; cut it into tiles"
            )
        if own:
            found[place, : len(own)] = own
    return found
