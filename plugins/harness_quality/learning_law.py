"""The power law of a learning curve: error = a n^-b + c over the number n of training examples; pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api.measuring import Z95

Array = np.ndarray[Any, Any]

# Of which the best is taken: each is 0.5 % above the last.
EXPONENTS = np.geomspace(0.01, 4.0, 1200)


@dataclass(frozen=True)
class Law:
    """error(n) = scale (n / unit)^-exponent + floor; arrays of one shape, one law each.

    exponent: 0 where errors do not fall.
    """

    scale: Array
    exponent: Array
    floor: Array
    unit: float

    def at(self, sizes: Array) -> Array:
        """Return the errors ``(..., k)`` at sizes ``(k,)``."""
        powers = (sizes / self.unit) ** -self.exponent[..., None]
        return np.asarray(self.scale[..., None] * powers + self.floor[..., None])


def fit_law(sizes: Array, errors: Array, typical: Array) -> Law:
    """Fit error = a n^-b + c with a, b, c of at least 0 by weighted least squares (Hestness et al. 2017, arXiv:1712.00409; "pow3"
    of Viering & Loog 2023, arXiv:2103.10948).

    Weights are 1 / error, as of counts, whose variance is as large as they are; so a relative difference of a small error counts
    for more than one of a large error, and an error of 0 for no more than it may. For each of `EXPONENTS` a and c have a closed form.

    sizes: ``(k,)``, errors: ``(..., k)``, typical: ``(k,)``, the errors that weights are of, above 0 somewhere.
    """
    unit = float(sizes.max())
    floor_of_weights = typical[typical > 0].min() / 2 if (typical > 0).any() else 1.0
    weights = 1.0 / np.maximum(typical, floor_of_weights)
    weights = weights / weights.sum()
    powers = (sizes / unit) ** -EXPONENTS[:, None]  # (b, k)
    mean_x, mean_y = powers @ weights, errors @ weights  # (b,), (...)
    centred = powers - mean_x[:, None]
    across = errors @ (centred * weights).T  # (..., b)
    scale = across / (centred**2 @ weights)
    floor = mean_y[..., None] - scale * mean_x
    through = (errors @ (powers * weights).T) / (powers**2 @ weights)  # with no floor
    scale = np.where(floor < 0, through, scale)
    floor = np.maximum(floor, 0.0)
    flat = scale <= 0
    scale, floor = np.where(flat, 0.0, scale), np.where(flat, mean_y[..., None], floor)
    lost = sum(
        weights[at] * (scale * powers[:, at] + floor - errors[..., at, None]) ** 2
        for at in range(len(sizes))
    )
    best = np.asarray(lost).argmin(axis=-1)[..., None]
    scale, floor = (np.take_along_axis(one, best, -1)[..., 0] for one in (scale, floor))
    exponent = np.where(scale > 0, EXPONENTS[best[..., 0]], 0.0)
    return Law(scale, exponent, floor, unit)


@dataclass(frozen=True)
class Estimates:
    """Figures ``(m,)`` with the half-widths of their intervals at 95 %."""

    values: Array
    half: Array


def over_seeds_and_examples(
    errors: Array, say: Callable[[Array], Array], blocks: float = math.inf
) -> Estimates:
    """Return say(mean error over seeds), with intervals over other seeds and other test examples.

    The variance over seeds is the jackknife's (Efron & Stein 1981, Annals of Statistics 9:586), that over examples of the
    bootstrap; each has the quantile of its own degrees of freedom (Banerjee 1960, Sankhya 22:357). With one seed the interval
    is of examples alone. Of a law with a floor those of the exponent and the gain hold 85 to 95 %: tests/evidence/README.md.

    errors: ``(1 + resamples, seeds, sizes)``, of all test examples and of resamples of them. say: from ``(..., sizes)`` to ``(..., m)``.
    blocks: how many blocks of times, two at least, the resamples are of (`InTime.blocks`), which widen the interval as they do that of a mean.
    """
    from scipy import special

    seeds = errors.shape[1]
    every = say(errors.mean(axis=1))
    half = Z95**2 * every[1:].var(axis=0, ddof=1)
    if math.isfinite(blocks):
        half *= (special.stdtrit(blocks - 1, 0.975) / Z95) ** 2 * blocks / (blocks - 1)
    if seeds > 1:
        without = (errors[0].sum(axis=0) - errors[0]) / (seeds - 1)
        of_seeds = say(without)
        variance = (seeds - 1) / seeds * ((of_seeds - of_seeds.mean(axis=0)) ** 2).sum(axis=0)
        half = half + special.stdtrit(seeds - 1, 0.975) ** 2 * variance
    return Estimates(every[0], np.sqrt(half))
