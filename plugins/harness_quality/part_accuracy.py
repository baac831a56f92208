"""The accuracy of parts of the test examples, classes or groups, and of the worst part."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from harness.api import Metric
from harness.api.measuring import wilson

Array = np.ndarray[Any, Any]
ALPHA = 0.05
FEWEST = 5  # test examples of a part, below which its accuracy says little


def worst_metric(name: str, shares: Array, counts: Array) -> Metric:
    """Return the lowest of the parts' accuracies ``(parts,)``, with the number of that part's examples.

    The interval is of the least of all parts' true accuracies: the least of the lower and of the upper ends of
    intervals that hold together (Bonferroni).
    """
    together = NormalDist().inv_cdf(1 - ALPHA / (2 * len(shares)))
    ends = [wilson(float(s), int(n), together) for s, n in zip(shares, counts, strict=True)]
    worst = int(np.argmin(shares))
    return Metric(
        name=name,
        value=float(shares[worst]),
        unit="fraction",
        low=min(low for low, _ in ends),
        high=min(high for _, high in ends),
        n=int(counts[worst]),
    )
