"""How alike two maps of one input are."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

Array = np.ndarray[Any, Any]


def rank_correlations(first: Array, second: Array) -> Array:
    """Return Spearman's rank correlation of each row ``(examples,)``; 0 where a map is the same everywhere.

    first, second: ``(examples, parts)``.
    """
    ranks = [rankdata(values, axis=1) for values in (first, second)]
    centred = [one - one.mean(axis=1, keepdims=True) for one in ranks]
    lengths = [np.linalg.norm(one, axis=1) for one in centred]
    both = lengths[0] * lengths[1]
    products = (centred[0] * centred[1]).sum(axis=1)
    return np.asarray(np.where(both > 0, products / np.where(both > 0, both, 1.0), 0.0))
