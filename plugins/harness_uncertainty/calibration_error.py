"""Expected calibration errors: how far confidence is from the share that is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from harness.api.measuring import Z95
from harness_uncertainty.class_bins import class_blocks
from harness_uncertainty.estimate import EstimateWithError

Array = np.ndarray[Any, Any]


def calibration_error(confidence: Array, correct: Array, bin_of: Array) -> EstimateWithError:
    """Return ECE = sum_b n_b/n |acc_b - conf_b| (Guo et al. 2017, arXiv:1706.04599, equation 3).

    It is never below 0, so that of a perfectly calibrated model is above it: see `debiased`.

    confidence: ``(examples,)`` in [0, 1]. correct: ``(examples,)`` of 0 and 1. bin_of: the bin of each.
    """
    gaps = correct - confidence
    sums = np.bincount(bin_of, gaps)
    value = float(np.abs(sums).sum()) / len(gaps)
    return EstimateWithError.of_influences(value, np.sign(sums)[bin_of] * gaps)


def debiased(
    confidence: Array, correct: Array, bin_of: Array
) -> tuple[float, float | None, float | None]:
    """Return ECE less the part that chance adds, not below 0, and its interval (see `_less_chance`)."""
    plain = calibration_error(confidence, correct, bin_of)
    return _less_chance(
        plain,
        np.bincount(bin_of),
        np.bincount(bin_of, correct - confidence),
        np.bincount(bin_of, confidence * (1 - confidence)),
        len(confidence),
    )


def _less_chance(
    plain: EstimateWithError, count: Array, sums: Array, variances: Array, total: int
) -> tuple[float, float | None, float | None]:
    """Return an error of calibration less the part that chance adds, not below 0, and its interval.

    A bin's observed gap is the true one with noise of standard deviation s_b; by the normal approximation it
    adds E|N(d_b, s_b)| - |d_b| to ECE, which is taken away (Kumar et al. 2019, arXiv:1909.10155, section 5, for
    the l1 norm; Roelofs et al. 2022, arXiv:2012.08668, on how large it is). They put the observed gaps in d_b's
    place, which leaves 2 - sqrt(2) = 59 % of the bias of a perfectly calibrated model. Here they are first
    shrunk by the share of their squares that is no noise, sqrt(max(0, 1 - sum_b n_b s_b^2 / sum_b n_b gap_b^2)):
    the ratio of the debiased to the plain squared error (Bröcker 2012, doi:10.1007/s00382-011-1191-1; Kumar et
    al., equation 7). s_b^2 is sum conf (1 - conf) / n_b^2. The interval takes the correction for as uncertain
    as it is large.

    count: n_b. sums: of the gaps in each bin. variances: sums of conf (1 - conf). total: over all bins.
    """
    n = np.maximum(count, 1)
    gaps, noise = sums / n, np.sqrt(variances) / n
    squares, chance = float((n * gaps**2).sum()), float((n * noise**2).sum())
    true = gaps * np.sqrt(max(0.0, 1 - chance / squares)) if squares > 0 else gaps
    bias = float((n * (_mean_size(true, noise) - np.abs(true))).sum()) / total
    value = max(0.0, plain.value - bias)
    if not np.isfinite(plain.error):
        return value, None, None
    half = float(np.hypot(Z95 * plain.error, bias))
    return value, max(0.0, value - half), min(1.0, value + half)


def _mean_size(mean: Array, deviation: Array) -> Array:
    """Return E|x| of normal x: the mean of a folded normal distribution."""
    ratio = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
    folded = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * (
        1 - 2 * ndtr(-ratio)
    )
    return np.where(deviation > 0, folded, np.abs(mean))


def classwise_error(probabilities: Array, labels: Array) -> EstimateWithError:
    """Return the mean over classes k of sum_b n_bk/n |share of k - mean p_k| (Kull et al. 2019, arXiv:1910.12656).

    probabilities: ``(examples, classes)``, each class in equal-width bins of its own. labels: ``(examples,)``.
    """
    return classwise_errors(probabilities, labels)[0]


def classwise_errors(
    probabilities: Array, labels: Array
) -> tuple[EstimateWithError, tuple[float, float | None, float | None]]:
    """Return `classwise_error`, and the same less the part that chance adds, with its interval."""
    n, classes = probabilities.shape
    total, influences = 0.0, np.zeros(n)
    bins = []
    for block in class_blocks(probabilities, labels):
        sums = block.sums(block.gaps)
        total += float(np.abs(sums).sum())
        influences += (np.sign(sums)[block.bin_of] * block.gaps).sum(axis=1)
        p = block.truth - block.gaps
        bins.append((block.sums(), sums, block.sums(p * (1 - p))))
    plain = EstimateWithError.of_influences(total / (n * classes), influences / classes)
    count, sums, variances = (np.concatenate(one) for one in zip(*bins, strict=True))
    return plain, _less_chance(plain, count, sums, variances, n * classes)
