"""How sure a change of accuracy is, where the same examples were answered twice and where others were."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.measure.intervals import wilson

if TYPE_CHECKING:
    import numpy as np

    Verdicts = np.ndarray[Any, np.dtype[np.bool_]]

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
    change = second - first
    below = _root(second - low_2, high_1 - first, phi)
    above = _root(high_2 - second, first - low_1, phi)
    return change, max(-1.0, change - below), min(1.0, change + above)


def difference_interval(before: Share, after: Share) -> Share:
    """Return the difference of two shares of other examples, and its 95 % interval (Newcombe 1998, 17:873, method 10).

    before, after: (share, low, high) with Wilson's intervals.
    """
    (first, low_1, high_1), (second, low_2, high_2) = before, after
    change = second - first
    below = math.hypot(second - low_2, high_1 - first)
    above = math.hypot(high_2 - second, first - low_1)
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
