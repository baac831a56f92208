"""The Brier score of all classes and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness_uncertainty.class_bins import class_blocks
from harness_uncertainty.estimate import EstimateWithError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Brier:
    """score = reliability - resolution + uncertainty, exactly.

    debiased_reliability: what chance adds taken away; it may be below 0.
    """

    score: EstimateWithError
    reliability: EstimateWithError
    resolution: EstimateWithError
    uncertainty: EstimateWithError
    debiased_reliability: EstimateWithError


def decompose(probabilities: Array, labels: Array) -> Brier:
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
    scores, of_reliability = np.zeros(n), np.zeros(n)
    reliability = chance = 0.0
    for block in class_blocks(probabilities, labels):
        count = block.sums()
        held = np.maximum(count, 1)
        gap = block.sums(block.gaps) / held
        right = block.sums(block.truth) / held
        scores += (block.gaps**2).sum(axis=1)
        of_reliability += (2 * gap[block.bin_of] * block.gaps - gap[block.bin_of] ** 2).sum(axis=1)
        reliability += float((count * gap**2).sum()) / n
        chance += float((count * right * (1 - right) / np.maximum(count - 1, 1)).sum()) / n
    share = np.bincount(labels, minlength=classes) / n
    uncertainty = float((share * (1 - share)).sum())
    of_uncertainty = (1 - 2 * share)[labels]
    score = EstimateWithError.of_mean(scores)
    return Brier(
        score=score,
        reliability=EstimateWithError.of_influences(reliability, of_reliability),
        resolution=EstimateWithError.of_influences(
            reliability + uncertainty - score.value, of_reliability + of_uncertainty - scores
        ),
        uncertainty=EstimateWithError.of_influences(uncertainty, of_uncertainty),
        debiased_reliability=EstimateWithError.of_influences(reliability - chance, of_reliability),
    )
