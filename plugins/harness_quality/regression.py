"""Errors of a regression, over the last axis of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def r2(prediction: Array, target: Array) -> Array:
    """Return 1 - sum (y - f)^2 / sum (y - mean y)^2; NaN where the targets do not vary."""
    residual = ((target - prediction) ** 2).sum(axis=-1)
    total = ((target - target.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return np.asarray(1.0 - residual / np.where(total > 0, total, np.nan))


def rmse(prediction: Array, target: Array) -> Array:
    """Return the root of the mean squared error, in the target's unit."""
    return np.asarray(np.sqrt(((target - prediction) ** 2).mean(axis=-1)))


def mae(prediction: Array, target: Array) -> Array:
    """Return the mean absolute error, in the target's unit."""
    return np.asarray(np.abs(target - prediction).mean(axis=-1))
