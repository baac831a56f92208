"""How sure a change of accuracy is, where the same examples were answered twice and where others were."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.measure.intervals import wilson

if TYPE_CHECKING:
    import numpy as np

    Verdicts = np.ndarray[Any, np.dtype[np.bool_]]
    Shares = np.ndarray[Any, np.dtype[np.float64]]

Share = tuple[float, float, float]
"""A share, 0 to 1, or a difference of two, -1 to 1, and the ends of its interval."""


def change_interval(before: Verdicts, after: Verdicts) -> Share:
    """Return the change of a share, and its 95 % interval (Newcombe 1998, 17:2635, method 10).

    before, after: ``(examples,)``, whether each was right. The interval comes of Wilson's for both shares and
    of their correlation, corrected for continuity; where no example changed it has width still.
    """
    n = len(before)
    both = int((before & after).sum())
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    neither = n - both - lost - won
    first, second = (both + lost) / n, (both + won) / n
    low_1, high_1 = wilson(first, n)
    low_2, high_2 = wilson(second, n)
    phi = _correlation(both, lost, won, neither)
    return _of_ends((first, low_1, high_1), (second, low_2, high_2), phi)


def mean_change_interval(before: Verdicts, after: Share, shares: Shares) -> Share:
    """Return the change of a share to that of several answers an example, and its 95 % interval, as of `change_interval`.

    before: ``(examples,)``, whether each was right. shares: ``(examples,)``, of the later answers to each how many are right.
    after: their mean, with its interval.
    """
    n, first = len(before), float(before.mean())
    off = shares - after[0]
    covariance = float(((before - first) * off).mean())
    if covariance > 0:
        covariance = max(covariance - 1 / (2 * n), 0.0)
    variances = first * (1 - first) * float((off * off).mean())
    phi = covariance / math.sqrt(variances) if variances > 1e-18 else 0.0
    return _of_ends((first, *wilson(first, n)), after, phi)


def difference_interval(before: Share, after: Share) -> Share:
    """Return the difference of two shares of other examples, and its 95 % interval (Newcombe 1998, 17:873, method 10).

    before, after: (share, low, high) with Wilson's intervals.
    """
    return _of_ends(before, after, 0.0)


def _of_ends(before: Share, after: Share, phi: float) -> Share:
    """Return the difference of two shares with the correlation `phi`, and its interval, from theirs."""
    (first, low_1, high_1), (second, low_2, high_2) = before, after
    change = second - first
    below = _root(second - low_2, high_1 - first, phi)
    above = _root(high_2 - second, first - low_1, phi)
    return change, max(-1.0, change - below), min(1.0, change + above)


def _correlation(both: int, lost: int, won: int, neither: int) -> float:
    """Return Newcombe's corrected coefficient; 0 where one of the answers is the same for all examples."""
    n = both + lost + won + neither
    sides = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    if sides == 0:
        return 0.0
    product = float(both * neither - lost * won)
    if product > 0:
        product = max(product - n / 2, 0)
    return float(product / math.sqrt(sides))


def _root(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))
