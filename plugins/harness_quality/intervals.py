"""Intervals at 95 %, as pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.api.measuring import Z95, wilson

Array = np.ndarray[Any, Any]

RESAMPLES = 1000
_MEMORY = 4_000_000  # resampled values that are held at once


def clustered_wilson(verdicts: Array, each: int = 1) -> tuple[float, float, float]:
    """Return the mean and Wilson interval of verdicts that come several to an example.

    The effective number of trials is p (1 - p) / se^2, with the standard error of the examples' own
    means: the verdicts of one example are not independent. It is kept between the number of
    examples and that of verdicts.

    verdicts: ``(conditions, examples)`` bool, or shares of `each` verdicts.
    """
    conditions, n = verdicts.shape
    means = verdicts.mean(axis=0)
    share = float(means.mean())
    effective = float(n)
    if n > 1:
        variance = float(means.var(ddof=1)) / n
        if variance > 0:
            effective = min(max(share * (1 - share) / variance, n), n * conditions * each)
    return share, *wilson(share, effective)


def mean_interval(values: Array) -> tuple[float, float, float]:
    """Return the mean and its normal interval; values ``(n,)``, n at least 2."""
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def resampled_means(values: Array, seed: int = 0) -> Array:
    """Return the means of `RESAMPLES` bootstrap resamples of examples, ``(resamples, k)``.

    The same number of examples and seed draw the same examples: the means of two models are paired.

    values: ``(k, n)``.
    """
    n = values.shape[-1]
    generator = np.random.default_rng(seed)
    counts = (np.bincount(generator.integers(0, n, size=n), minlength=n) for _ in range(RESAMPLES))
    return np.asarray(np.stack([values @ count for count in counts]) / n)


def drawn_counts(n: int, at_once: int, seed: int = 0) -> Iterator[Array]:
    """Yield how often each example is drawn in `RESAMPLES` bootstrap resamples, ``(at most at_once, n)``.

    The same number of examples and seed draw the same examples: the figures of two models are paired.
    """
    generator, made = np.random.default_rng(seed), 0
    while made < RESAMPLES:
        index = generator.integers(0, n, size=(min(at_once, RESAMPLES - made), n))
        yield np.stack([np.bincount(row, minlength=n) for row in index]).astype(np.float64)
        made += len(index)


def bootstrap(
    statistic: Callable[..., Array], *arrays: Array, seed: int = 0
) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval over examples (Efron 1979); None below 2 examples.

    Examples are drawn with replacement `RESAMPLES` times by numpy's PCG64 from `seed`, so the same
    examples give the same interval.

    statistic: from arrays ``(..., resamples, n)`` to ``(resamples,)``.
    arrays: ``(..., n)``, aligned in their last axis.
    """
    n = arrays[0].shape[-1]
    if n < 2:
        return None
    generator, found, made = np.random.default_rng(seed), [], 0
    at_once = max(1, _MEMORY // n)
    while made < RESAMPLES:
        index = generator.integers(0, n, size=(min(at_once, RESAMPLES - made), n))
        found.append(statistic(*(array[..., index] for array in arrays)))
        made += len(index)
    low, high = np.percentile(np.concatenate(found), [2.5, 97.5])
    return float(low), float(high)
