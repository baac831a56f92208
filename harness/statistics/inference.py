"""Estimates with intervals, and tests of pairs: pure functions, each with its formula and source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.measure.intervals import Z95, wilson
from harness.measure.time_blocks import InTime
from harness.statistics.crossed import CONFIDENCE, SEED_DEGREES, SEED_SD, Crossed, cross, t_quantile
from harness.statistics.sign_flips import sign_flip_p_value

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


def proportion(correct: Array, seed_sd: float = SEED_SD) -> Estimate:
    """Estimate an accuracy from ``(seeds, examples)`` of 0 to 1, over new seeds and new examples.

    Wilson's interval at the number of trials for which a normal interval is as wide as that of
    `crossed.cross`, at most seeds x examples. The verdicts of one example are not independent: their
    design effect, 1 to S, is estimated from the means of the examples, with one example of full
    dependence added to those of the rarer verdict, as few of these tell little.

    seed_sd: spread of a seed's effect in log-odds that is assumed beforehand; 0 where seeds are no source
    of variance, as for weights that were loaded and not trained.
    """
    values = np.atleast_2d(np.asarray(correct, dtype=np.float64))
    share = float(values.mean())
    half = share_variance(values, seed_sd).half_width()
    effective = min(_spread(values) * (Z95 / half) ** 2, float(values.size))
    low, high = wilson(share, max(effective, 1.0))
    return Estimate(share, min(low, share), max(high, share), values.size)


def share_variance(values: Array, seed_sd: float = SEED_SD) -> Crossed:
    """Return the variance that the interval of `proportion` rests on; values ``(seeds, examples)`` of 0 to 1."""
    seeds, examples = values.shape
    share, spread = float(values.mean()), _spread(values)
    smoothed = (share * examples + 1) / (examples + 2)
    prior = (seed_sd * smoothed * (1 - smoothed)) ** 2
    design = float(seeds)
    if seeds > 1 and examples > 1 and 0.0 < share < 1.0:
        seen = seeds * float(values.mean(axis=0).var(ddof=1)) / spread
        rarer = examples * min(share, 1 - share)
        design = (rarer * min(max(seen, 1.0), seeds) + seeds) / (rarer + 1)
    return cross(values, prior, spread * design / values.size)


def _spread(values: Array) -> float:
    """Return p (1 - p), of a smoothed share where all are alike."""
    share, examples = float(values.mean()), values.shape[1]
    if not 0.0 < share < 1.0:
        share = (share * examples + 1) / (examples + 2)
    return share * (1 - share)


def mean_over_seeds(
    values: Sequence[float],
    own: Sequence[tuple[float, float]] = (),
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """Estimate a mean over seeds; without an interval (NaN) where nothing tells its spread.

    own: each value's own 95 % interval, over the examples that the seeds share. With these the variance is
    that over examples, the mean of theirs, plus that over seeds, moderated by it (`crossed`). Without them
    it is Student's t over the seeds; one value, or equal ones, then say nothing of their spread.
    bounds: of the unit; the interval stays inside.
    """
    array = np.asarray(values, dtype=np.float64)
    mean, seeds = float(array.mean()), len(array)
    if own:
        half = own_variance(values, own).half_width()
    elif seeds < 2 or float(np.ptp(array)) == 0.0:
        half = math.nan
    else:
        half = t_quantile(seeds - 1) * float(array.std(ddof=1)) / math.sqrt(seeds)
    low, high = max(mean - half, bounds[0]), min(mean + half, bounds[1])  # NaN stays NaN
    return Estimate(mean, low, high, seeds)


def own_variance(values: Sequence[float], own: Sequence[tuple[float, float]]) -> Crossed:
    """Return the variance of a mean over seeds of values with their own intervals (see `mean_over_seeds`)."""
    seeds = len(values)
    examples = float(np.mean([((high - low) / (2 * Z95)) ** 2 for low, high in own]))
    degrees = SEED_DEGREES + seeds - 1
    seen = (seeds - 1) * float(np.var(values, ddof=1)) if seeds > 1 else 0.0
    moderated = (SEED_DEGREES * examples + seen) / degrees
    extra = max(moderated - examples, 0.0) / seeds
    return Crossed(extra, examples, degrees, math.inf)


def paired(
    first: Array, second: Array, seed_sd: float = SEED_SD, time: InTime | None = None
) -> Crossed:
    """Return the variance of the mean of first - second, ``(seeds, examples)`` each, of 0 to 1 or losses.

    Of shares the examples' part has one example of each kind of disagreement added, as in the adjusted
    Wald interval of Bonett & Price (2012, JEBS 37:479), so that it has a width where all agree. seed_sd: as
    in `proportion`, for each of the two, which are trained apart; of losses nothing is assumed. time: when examples are, two
    blocks of times at least, of which the variance is then (`InTime.fitted`); None: they are independent.
    """
    difference = first - second
    if time is not None:
        means = difference.mean(axis=0)
        fitted = time.fitted(means)
        return cross(difference, 0.0, fitted.variance(means), fitted)
    means, examples = difference.mean(axis=0), difference.shape[1]
    prior = 0.0
    if are_shares(first) and are_shares(second):
        means = np.append(means, (-1.0, 1.0))
        smoothed = [
            (float(side.mean()) * examples + 1) / (examples + 2) for side in (first, second)
        ]
        prior = seed_sd**2 * sum((share * (1 - share)) ** 2 for share in smoothed)
    of_examples = float(means.var(ddof=1)) / examples if len(means) > 1 else 0.0
    return cross(difference, prior, of_examples)


def paired_p_value(
    first: Array, second: Array, seed_sd: float = SEED_SD, time: InTime | None = None
) -> float:
    """Return the two-sided p value that two models are equally good on the same examples and seeds.

    first, second: ``(seeds, examples)`` of 0 to 1, or of a loss. Where seeds are no source of variance
    (seed_sd = 0) and there is one, of 0 and 1: the exact McNemar test (McNemar 1947, Psychometrika 12:153) on
    the examples where they differ. Losses of one seed: `sign_flips`. Else, and of examples
    that lie in time, a t test of the mean difference with the variance of `paired`; fewer than two blocks of times tell nothing.
    """
    from scipy import special

    one, other = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (first, second))
    difference = one - other
    if not difference.any():
        return 1.0
    if time is not None:
        few = time.blocks < 2
        return 1.0 if few else paired(one, other, seed_sd, time).p_value(float(difference.mean()))
    if len(difference) == 1 and not seed_sd and set(np.unique(difference)) <= {-1.0, 0.0, 1.0}:
        better = int((difference > 0).sum())
        differing = int(np.abs(difference).sum())
        tail = special.bdtr(min(better, differing - better), differing, 0.5)
        return float(min(1.0, 2.0 * tail))  # symmetric at one half
    if len(difference) == 1 and not (are_shares(one) and are_shares(other)):
        return sign_flip_p_value(difference[0])
    variance = paired(one, other, seed_sd)
    if difference.size == 1 or variance.variance == 0.0:
        return 1.0  # of one observation, or of equal ones, nothing can be said
    return variance.p_value(float(difference.mean()))


def are_shares(values: Array) -> bool:
    """Whether all are of 0 to 1, as verdicts and their means are."""
    return bool(values.min() >= 0.0 and values.max() <= 1.0)


def paired_shares_interval(
    better: int, worse: int, n: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return an interval of (better - worse) / n, the difference of two shares of the same examples.

    The adjusted Wald interval of Bonett & Price (2012, JEBS 37:479): one example is added to each kind
    of disagreement, so that the interval has a width where the two agree on all of `n`.
    """
    first, second, total = (better + 1) / (n + 2), (worse + 1) / (n + 2), n + 2
    middle = first - second
    half = t_quantile(math.inf, confidence) * math.sqrt((first + second - middle * middle) / total)
    return max(-1.0, middle - half), min(1.0, middle + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down method (1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected
