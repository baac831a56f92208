"""How well a score tells in-distribution examples from others: AUROC, AUPR both ways, FPR95.

Scores are higher in distribution. Equal scores are not told apart: a constant score has an AUROC of 1/2 and an
AUPR of the share of its positives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api.measuring import derive

Array = np.ndarray[Any, Any]

RESAMPLES = 200
KEPT = 0.95  # of in-distribution examples, at the threshold of FPR95
RATES = ("auroc", "aupr_in", "aupr_out", "fpr95")
_MEMORY = 4_000_000  # counts that are held at once


@dataclass(frozen=True)
class DetectionRates:
    """values: one for each of RATES. resampled: ``(resamples, 4)``, of the bootstrap over examples of both sorts.

    The same numbers of examples draw the same ones, so resamples of two scores, or two models, are paired.
    """

    values: Array
    resampled: Array

    def interval(self) -> Array:
        """Return the lower and upper ends ``(2, 4)`` of percentile intervals at 95 % that hold the values."""
        ends = np.percentile(self.resampled, [2.5, 97.5], axis=0)
        return np.stack([np.minimum(ends[0], self.values), np.maximum(ends[1], self.values)])


def mean_rates(rates: list[DetectionRates]) -> DetectionRates:
    """Return the mean over several sets, each weighed alike."""
    return DetectionRates(
        np.mean([one.values for one in rates], axis=0),
        np.mean([one.resampled for one in rates], axis=0),
    )


def rate(inside: Array, outside: Array) -> DetectionRates:
    """Return the rates of scores ``(m,)`` in and ``(n,)`` out of distribution (see `count_rates`)."""
    m, n = len(inside), len(outside)
    scores = np.concatenate([inside, outside])
    order = np.argsort(-scores, kind="stable")
    ranked, is_inside = scores[order], order < m
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    values = count_rates(np.ones((1, m + n)), is_inside, ends)[0]
    draws_in, draws_out = (
        np.random.default_rng(derive("ood", side, size)) for side, size in (("in", m), ("out", n))
    )
    found, at_once = [], max(1, _MEMORY // (m + n))
    for start in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - start)
        counts = np.concatenate([_counts(draws_in, rows, m), _counts(draws_out, rows, n)], axis=1)
        found.append(count_rates(counts[:, order], is_inside, ends))
    return DetectionRates(values, np.concatenate(found))


def _counts(draws: np.random.Generator, rows: int, n: int) -> Array:
    """Return how often each of n examples is drawn in each of several resamples, ``(rows, n)``."""
    picked = draws.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
    return np.bincount(picked.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def count_rates(counts: Array, is_inside: Array, ends: Array) -> Array:
    """Return RATES ``(rows, 4)`` of examples in falling order of their scores, each counted so often.

    AUROC is the chance that an inner example scores higher than an outer one, ties counting half (Mann & Whitney
    1947). AUPR is the average precision sum (R_k - R_{k-1}) P_k over the thresholds, with the inner examples as
    positives, or the outer ones and scores from the lowest; FPR95 the share of outer examples at or above the
    highest threshold that keeps 95 % of the inner ones (Hendrycks & Gimpel 2017, arXiv:1610.02136).

    counts: ``(rows, examples)``. is_inside: ``(examples,)``. ends: the last place of each group of equal scores.
    """
    above_in = np.cumsum(counts * is_inside, axis=1)[:, ends]
    above_out = np.cumsum(counts * ~is_inside, axis=1)[:, ends]
    total_in, total_out = above_in[:, -1:], above_out[:, -1:]
    step_in, step_out = (np.diff(one, prepend=0.0, axis=1) for one in (above_in, above_out))
    higher = above_in - step_in / 2
    auroc = (step_out * higher).sum(axis=1) / (total_in * total_out)[:, 0]
    below_in, below_out = total_in - above_in + step_in, total_out - above_out + step_out
    first = (above_in >= KEPT * total_in * (1 - 1e-12)).argmax(axis=1)
    fpr95 = np.take_along_axis(above_out, first[:, None], axis=1)[:, 0] / total_out[:, 0]
    return np.stack(
        [
            auroc,
            _average_precision(step_in, above_in, above_out, total_in),
            _average_precision(step_out, below_out, below_in, total_out),
            fpr95,
        ],
        axis=1,
    )


def _average_precision(steps: Array, right: Array, wrong: Array, total: Array) -> Array:
    """Return the mean of precisions right / (right + wrong), weighed by the steps of recall."""
    chosen = np.maximum(right + wrong, 1)
    return np.asarray((steps * right / chosen).sum(axis=1) / total[:, 0])
