"""How one figure differs between two runs: by how much, how sure, and by which method. Pure functions.

A difference is B less A, or where quantities scale, B over A less 1. Its p value is two-sided, of "they do
not differ"; it is None where what was observed cannot tell, which is claimed of nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.statistics.crossed import t_quantile
from harness.statistics.inference import paired, paired_p_value, paired_shares_interval
from harness.statistics.model_groups import Scores, align_pair, common_seed_sd
from harness.statistics.spread import Spread

SCALES = ("s", "1/s", "bytes", "count", "FLOP", "J", "W", "FLOP/s", "FLOP/byte")
EXACT = "exact count"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What may be said of two figures.

    value: B less A in the figure's own unit; where `relative`, B / A - 1. low, high: its 95 % interval,
    not corrected for the number of comparisons. method: in words.
    """

    value: float
    relative: bool
    method: str
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def is_relative(unit: str, *values: float) -> bool:
    """Whether quantities of a unit are compared by their ratio: those that scale, where positive."""
    return unit in SCALES and min(values) > 0.0


def change(a: float, b: float, unit: str) -> float:
    """Return B / A - 1, or where that has no meaning B - A."""
    return b / a - 1.0 if is_relative(unit, a, b) else b - a


def of_exact(a: Sequence[float], b: Sequence[float], unit: str) -> Difference:
    """Compare counts that have no noise, one a seed."""
    first, second = float(np.mean(a)), float(np.mean(b))
    value = change(first, second, unit)
    relative = is_relative(unit, first, second)
    return Difference(
        value=value,
        relative=relative,
        method=EXACT,
        low=value,
        high=value,
        p_value=1.0 if list(a) == list(b) else 0.0,
    )


def of_single(a: float, b: float, unit: str, why: str = "a single observation each") -> Difference:
    """Show two observations of which nothing is claimed."""
    return Difference(value=change(a, b, unit), relative=is_relative(unit, a, b), method=why)


def of_examples(a: Scores, b: Scores) -> Difference | None:
    """Compare per-example scores on the examples and seeds that both sides have; None without any.

    Seeds and examples are both drawn at random (see `statistics.crossed`). Where seeds are no source of
    variance, as weights were loaded or both sides measured the same fits: the exact McNemar test, with the
    interval of Bonett & Price.
    """
    both = align_pair(b, a)
    if both is None:
        return None
    difference = both[0] - both[1]
    seed_sd = common_seed_sd(a, b)
    value, p_value = float(difference.mean()), paired_p_value(*both, seed_sd)
    signs = set(np.unique(difference)) <= {-1.0, 0.0, 1.0}
    if signs and (not difference.any() or (len(difference) == 1 and not seed_sd)):
        row = difference[0]
        low, high = paired_shares_interval(int((row > 0).sum()), int((row < 0).sum()), len(row))
        method = "exact McNemar test, per example"
    else:
        half = paired(*both, seed_sd).half_width()
        low, high = max(value - half, -1.0) if signs else value - half, value + half
        high = min(high, 1.0) if signs else high
        method = "moderated t test over seeds and examples, paired"
    return Difference(
        value=value, relative=False, method=method, low=low, high=high, p_value=p_value
    )


def of_seeds(a: Mapping[int, float], b: Mapping[int, float], unit: str) -> Difference:
    """Compare figures by {seed: value}: Student's t, paired by seed; Welch's where no two are common.

    Quantities that scale are compared in their logarithm.
    """
    first, second = float(np.mean(list(a.values()))), float(np.mean(list(b.values())))
    relative = is_relative(unit, *a.values(), *b.values())
    logs = {
        side: {seed: math.log(v) if relative else v for seed, v in found.items()}
        for side, found in (("a", a), ("b", b))
    }
    common = sorted(a.keys() & b.keys())
    if len(common) > 1:
        each = np.array([logs["b"][seed] - logs["a"][seed] for seed in common])
        if each.any() and float(np.ptp(each)) == 0.0:
            return of_single(
                first, second, unit, "equal differences, which do not tell their spread"
            )
        middle, method = float(each.mean()), "t test over seeds, paired"
        error, degrees = float(each.std(ddof=1)) / math.sqrt(len(each)), float(len(each) - 1)
    elif min(len(a), len(b)) > 1:
        one, other = (np.array(list(logs[side].values())) for side in "ab")
        parts = [float(found.var(ddof=1)) / len(found) for found in (one, other)]
        middle, method = float(other.mean() - one.mean()), "Welch's t test over seeds"
        error = math.sqrt(sum(parts))
        counts = (len(one) - 1, len(other) - 1)
        spread = sum(part**2 / count for part, count in zip(parts, counts, strict=True))
        degrees = sum(parts) ** 2 / spread if spread else float(min(counts))
    else:
        return of_single(first, second, unit)
    return _by_t(middle, error, degrees, relative=relative, method=method)


def of_runs(
    a: tuple[float, float | None, float | None],
    b: tuple[float, float | None, float | None],
    unit: str,
    spread: Spread,
) -> Difference:
    """Compare (value, low, high) of timed series, in their logarithm.

    Each is one series of one process at one time, and its interval knows nothing of another process at
    another time: that is what `spread` adds, in both.
    """
    if not is_relative(unit, a[0], b[0]):
        return of_single(a[0], b[0], unit)
    within = 0.0 if spread.holds_noise else sum(_log_error(*one) ** 2 for one in (a, b))
    error = math.sqrt(2 * spread.sd**2 + within)
    method = f"two runs, which differ by {spread.sd:.1%} (sd, {spread.source}) anyway"
    return _by_t(math.log(b[0] / a[0]), error, spread.degrees, relative=True, method=method)


def of_intervals(
    a: tuple[float, float | None, float | None], b: tuple[float, float | None, float | None]
) -> Difference | None:
    """Compare (value, low, high) by their own 95 % intervals, as independent; None without these."""
    if None in (*a, *b):
        return None
    widths = [(high or 0.0) - (low or 0.0) for _, low, high in (a, b)]
    error = math.hypot(*widths) / (2 * t_quantile(math.inf))
    return _by_t(
        b[0] - a[0], error, math.inf, relative=False, method="the intervals of both, unpaired"
    )


def _log_error(value: float, low: float | None, high: float | None) -> float:
    """Return the standard error of a logarithm, from a 95 % interval; 0 where it is not known."""
    if low is None or high is None or low <= 0:
        return 0.0
    return math.log(high / low) / (2 * t_quantile(math.inf))


def _by_t(
    middle: float, error: float, degrees: float, *, relative: bool, method: str
) -> Difference:
    from scipy import special

    if error == 0.0:
        p_value = 1.0 if middle == 0.0 else 0.0
    else:
        ratio = -abs(middle) / error
        tail = special.ndtr(ratio) if math.isinf(degrees) else special.stdtr(degrees, ratio)
        p_value = 2.0 * float(tail)
    half = t_quantile(degrees) * error
    ends = (middle, middle - half, middle + half)
    value, low, high = (math.expm1(end) for end in ends) if relative else ends
    return Difference(
        value=value, relative=relative, method=method, low=low, high=high, p_value=p_value
    )
