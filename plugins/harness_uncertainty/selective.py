"""Selective prediction: what is wrong among the examples that a model is surest of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def errors_accepted(confidence: Array, correct: Array) -> Array:
    """Return the number of errors among the k surest examples, for k = 1 .. n, ``(n,)``.

    Equal confidences have no order: it is the mean over all of theirs, so the order of the rows plays no part.

    confidence: ``(n,)``, of any scale. correct: ``(n,)`` bool.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    wrong = np.cumsum(~correct[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    places = np.arange(1, len(ranked) + 1)
    return np.asarray(np.interp(places, [0, *(last + 1)], [0, *wrong[last]]))


def aurc(confidence: Array, correct: Array) -> float:
    """Return the mean over k of the error rate among the k surest (Geifman et al. 2019, arXiv:1805.08206)."""
    errors = errors_accepted(confidence, correct)
    return float((errors / np.arange(1, len(errors) + 1)).mean())


def excess_aurc(confidence: Array, correct: Array) -> float:
    """Return AURC less that of a model whose wrong examples are its least sure ones (E-AURC, ibid.).

    0 is the best; it does not fall with the number of errors alone, as AURC does.
    """
    return aurc(confidence, correct) - aurc(correct.astype(np.float64), correct)


def area_influences(confidence: Array, correct: Array) -> tuple[Array, Array]:
    """Return the influence of each example on AURC and on E-AURC, both ``(n,)`` (see `EstimateWithError.of_influences`).

    One at rank j, with error e_j, adds a threshold where the risk is risk_j, and moves the risk at each threshold
    k from its own on by (e_j - risk_k) / k: in the limit risk_j + sum over k >= j of (e_j - risk_k) / k. The best area
    at an error rate r is r + (1 - r) log(1 - r), whose slope is -log(1 - r).
    """
    n = len(confidence)
    order = np.argsort(-confidence, kind="stable")
    places = np.arange(1, n + 1)
    risks = errors_accepted(confidence, correct) / places
    wrong = (~correct[order]).astype(np.float64)
    later = np.cumsum((1 / places)[::-1])[::-1]
    moved = np.cumsum((risks / places)[::-1])[::-1]
    of_area = np.empty(n)
    of_area[order] = risks + wrong * later - moved
    rate = min(float(wrong.mean()), 1 - 0.5 / n)  # where all are wrong the slope has no end
    return of_area, of_area + np.log1p(-rate) * ~correct


def risk_at(confidence: Array, correct: Array, coverage: float) -> tuple[float, int]:
    """Return the error rate among the surest share of the examples, and how many these are, rounded up."""
    n = len(confidence)
    k = max(1, math.ceil(coverage * n - 1e-9))
    return float(errors_accepted(confidence, correct)[k - 1]) / k, k
