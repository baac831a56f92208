"""How much slower B is than A, from pairs of processes that took turns; pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.crossed import t_quantile

ALPHA = 0.003  # false alarms that a comparison is designed for

Turns = Sequence[float]


@dataclass(frozen=True)
class PairedRatio:
    """B's seconds a call over A's: the estimate, its interval at 1 - `ALPHA`, and the p value of 1.

    pairs: of processes that stand behind it.
    """

    value: float
    low: float
    high: float
    p_value: float
    pairs: int


def paired_ratio(pairs: Sequence[tuple[Turns, Turns]], alpha: float = ALPHA) -> PairedRatio:
    """Compare A and B by pairs of processes; each gives (A's turns, B's turns), in seconds a call.

    Within a pair, the median of the log ratios of neighbouring turns: what disturbs the machine disturbs
    both. Between pairs, Student's t: where a process's memory happens to lie makes it faster or slower by
    half a per cent for as long as it lives, so turns of one pair are not independent, however many there
    are, and taking them so raised a false alarm in every second comparison of equal sides.

    Raises:
        ValueError: There are fewer than two pairs, or one has no turn.
    """
    if len(pairs) < 2 or not all(first and second for first, second in pairs):
        raise ValueError("a comparison needs two pairs of processes or more, with turns in each")
    logs = [
        statistics.median(math.log(b / a) for a, b in zip(first, second, strict=False))
        for first, second in pairs
    ]
    mean, degrees = statistics.fmean(logs), len(logs) - 1
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    half = t_quantile(degrees, 1 - alpha) * error
    return PairedRatio(
        value=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        p_value=_p_value(mean, error, degrees),
        pairs=len(logs),
    )


def _p_value(mean: float, error: float, degrees: int) -> float:
    from scipy import special

    if error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return 2 * float(special.stdtr(degrees, -abs(mean) / error))
