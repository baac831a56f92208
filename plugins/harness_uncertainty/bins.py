"""Bins of confidences, for errors of calibration.

Bin b of B equal-width ones is ``(b / B, (b + 1) / B]``: it owns its right edge, and the first bin owns 0, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 15  # Guo et al. 2017, arXiv:1706.04599

Array = np.ndarray[Any, Any]


def equal_width(confidence: Array, bins: int = BINS) -> Array:
    """Return the bin of each confidence in [0, 1], of any shape, from 0."""
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, confidence, side="left")


def equal_mass(confidence: Array, bins: int = BINS) -> Array:
    """Return the bin of each confidence ``(examples,)``, so that bins hold as many examples each.

    Equal confidences come into one bin, that of their mean rank, so the order of the examples plays no part;
    bins are uneven, or empty, where many are equal (saturated ones).
    """
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2  # the mean rank from 0
    return np.asarray((middle * bins / len(confidence)).astype(np.int64)[inverse])
