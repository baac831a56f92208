"""Split conformal prediction sets: scores, their threshold from validation examples, and sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln

from harness.api import NotApplicable

Array = np.ndarray[Any, Any]


def least_examples(alpha: float) -> int:
    """Return how many examples a finite threshold at level 1 - alpha takes: ceil(1 / alpha - 1)."""
    return math.ceil(1 / alpha - 1 - 1e-9)


def rank(n: int, alpha: float) -> int:
    """Return which of n scores, from 1, is the threshold: ceil((n + 1) (1 - alpha)).

    Raises:
        NotApplicable: There are too few; the message says how many it takes.
    """
    found = math.ceil((n + 1) * (1 - alpha) - 1e-9)
    if found > n:
        raise NotApplicable(
            f"conformal sets at alpha {alpha:g} take {least_examples(alpha):,} validation examples or more "
            f"(1 / alpha - 1), and here {'is' if n == 1 else 'are'} {n:,}: with fewer every class is in every set"
        )
    return found


def threshold(scores: Array, alpha: float) -> float:
    """Return the conformal quantile of validation scores ``(examples,)`` (Vovk et al. 2005; Lei et al. 2018).

    A new example's set has the classes whose score is at most that: its label with probability 1 - alpha or more,
    if it and the validation examples are exchangeable.

    Raises:
        NotApplicable: There are too few.
    """
    k = rank(len(scores), alpha)
    return float(np.partition(scores, k - 1)[k - 1])


def lac_scores(probabilities: Array) -> Array:
    """Return 1 - p of each class, ``(examples, classes)`` (Sadinle et al. 2019, arXiv:1609.00451).

    Their sets are the smallest on average, and may be empty.
    """
    return 1 - probabilities


def aps_scores(probabilities: Array, uniform: Array) -> Array:
    """Return the adaptive scores of all classes (Romano et al. 2020, arXiv:2006.02544, equations 5 and 6).

    The probability of the classes that are likelier than this one, and `uniform` times its own: randomised, so
    that the coverage is 1 - alpha and not above it. Of equal ones the first class counts as likelier.

    probabilities: ``(examples, classes)``. uniform: ``(examples,)`` in [0, 1).
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    scores = np.empty_like(probabilities)
    np.put_along_axis(scores, order, before + uniform[:, None] * ranked, axis=1)
    return scores


def raps_scores(probabilities: Array, uniform: Array, free: int, penalty: float) -> Array:
    """Return the regularised adaptive scores of all classes (Angelopoulos et al. 2021, arXiv:2009.14193, equation 6).

    The adaptive score, and `penalty` for each rank beyond the `free` likeliest classes: sets are smaller where a model is unsure
    among many, with the same coverage. It is randomised as `aps_scores` is.

    probabilities: ``(examples, classes)``. uniform: ``(examples,)`` in [0, 1). free: k_reg of the paper; penalty: its lambda.
    """
    ranks = np.empty(probabilities.shape)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(1.0, probabilities.shape[1] + 1)[None], axis=1)
    return aps_scores(probabilities, uniform) + penalty * np.maximum(ranks - free, 0)


def chance_of_covering(covered: int, n: int, calibrated: int, alpha: float) -> float:
    """Return the probability that so few of n exchangeable examples, or fewer, are covered.

    Given `calibrated` validation examples, whose scores are all distinct, the number is beta-binomial with
    parameters k and calibrated + 1 - k, for k = `rank` (Vovk 2012, arXiv:1209.2673).
    """
    k = rank(calibrated, alpha)
    rest = calibrated + 1 - k
    so_few = np.arange(covered + 1)
    logs = betaln(so_few + k, n - so_few + rest) - betaln(
        k, rest
    )  # of one certain choice of the examples
    logs -= betaln(so_few + 1, n - so_few + 1) + math.log(n + 1)  # times the number of choices
    return min(1.0, float(np.exp(logs).sum()))
