"""The probabilities of each class in bins of its own, a block of classes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness_uncertainty.bins import BINS, equal_width

Array = np.ndarray[Any, Any]

_MEMORY = 4_000_000  # probabilities that are held in bins at once


@dataclass(frozen=True)
class ClassBlock:
    """Some classes: of each probability its bin, and its gap to the truth, all ``(examples, classes)``.

    bin_of: from 0, each class with bins of its own. truth: whether it is that of the label. gaps: truth (1 or 0) less
    probability.
    """

    bin_of: Array
    truth: Array
    gaps: Array

    def sums(self, weights: Array | None = None) -> Array:
        """Return the sum of weights ``(examples, classes)`` in each bin, or how many there are."""
        flat = None if weights is None else weights.ravel()
        return np.bincount(self.bin_of.ravel(), flat, minlength=BINS * self.gaps.shape[1])


def class_blocks(probabilities: Array, labels: Array) -> Iterator[ClassBlock]:
    """Yield probabilities ``(examples, classes)`` and labels ``(examples,)`` by blocks of classes."""
    n, classes = probabilities.shape
    at_once = max(1, _MEMORY // max(n, 1))
    for start in range(0, classes, at_once):
        here = probabilities[:, start : start + at_once]
        truth = labels[:, None] == np.arange(start, start + here.shape[1])
        bin_of = equal_width(here) + BINS * np.arange(here.shape[1])
        yield ClassBlock(bin_of, truth, truth - here)
