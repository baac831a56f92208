"""The Brier score of all classes and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness_uncertainty.bins import BINS, equal_width
from harness_uncertainty.estimate import Estimate

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Brier:
    """score = reliability - resolution + uncertainty, exactly.

    debiased_reliability: what chance adds taken away; it may be below 0.
    """

    score: Estimate
    reliability: Estimate
    resolution: Estimate
    uncertainty: Estimate
    debiased_reliability: Estimate


def decompose(probabilities: Array, labels: Array, bins: int = BINS) -> Brier:
    """Return the mean of sum_k (p_k - y_k)^2, 0 to 2 (Brier 1950), and its parts.

    Each class has equal-width bins b of its own, and parts are sums over classes (Murphy 1973,
    doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2): reliability sum_b n_b/n (p_b - y_b)^2; uncertainty
    y (1 - y), of the share of the class; resolution sum_b n_b/n (y_b - y)^2, less the variance of p inside bins
    and with twice its covariance with y, without which the parts do not add up (Stephenson et al. 2008,
    doi:10.1175/2007WAF2006116.1). Debiased reliability is less sum_b n_b/n y_b (1 - y_b) / (n_b - 1) over bins of
    two examples or more (Bröcker 2012, doi:10.1007/s00382-011-1191-1; Ferro & Fricker 2012, doi:10.1002/qj.1924).

    probabilities: ``(examples, classes)``. labels: ``(examples,)``.
    """
    n, classes = probabilities.shape
    truth = np.zeros_like(probabilities)
    truth[np.arange(n), labels] = 1
    scores = ((probabilities - truth) ** 2).sum(axis=1)
    place = equal_width(probabilities, bins) + bins * np.arange(classes)
    count = np.bincount(place.ravel(), minlength=bins * classes)
    held = np.maximum(count, 1)
    gaps = truth - probabilities
    gap = np.bincount(place.ravel(), gaps.ravel(), minlength=bins * classes) / held
    reliability = float((count * gap**2).sum()) / n
    of_reliability = (2 * gap[place] * gaps - gap[place] ** 2).sum(axis=1)
    share = truth.mean(axis=0)
    uncertainty = float((share * (1 - share)).sum())
    of_uncertainty = ((1 - 2 * share) * (truth - share)).sum(axis=1)
    right = np.bincount(place.ravel(), truth.ravel(), minlength=bins * classes) / held
    chance = float((count * right * (1 - right) / np.maximum(count - 1, 1)).sum()) / n
    score = Estimate.of_mean(scores)
    return Brier(
        score=score,
        reliability=Estimate.of_influences(reliability, of_reliability),
        resolution=Estimate.of_influences(
            reliability + uncertainty - score.value, of_reliability + of_uncertainty - scores
        ),
        uncertainty=Estimate.of_influences(uncertainty, of_uncertainty),
        debiased_reliability=Estimate.of_influences(reliability - chance, of_reliability),
    )
