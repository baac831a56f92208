"""How one figure differs between two runs: by how much, how sure, and by which method. Pure functions.

A difference is B less A, or where quantities scale, B over A less 1; it always is that of the A and B that
are kept beside it, which are the means of what was compared. Its p value is two-sided, of "they do
not differ"; it is None where what was observed cannot tell, which is claimed of nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.measure.units import unit_of
from harness.statistics.crossed import Crossed, t_quantile
from harness.statistics.inference import paired, paired_p_value, paired_shares_interval
from harness.statistics.model_groups import Scores, align_pair, common_seed_sd, common_time
from harness.statistics.spread import Spread

EXACT = "exact count"
SAME_OUTCOME = "the same outcome, taken once"
SAME_SCORES = "the same score of every example"
UNDEFINED = "an undefined figure, of which nothing can be said"
FEW_BLOCKS = "fewer than two blocks of examples in time, which do not tell their spread"
UNTOLD = "which do not tell their spread"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What may be said of two figures.

    a, b: what is compared, in the figure's own unit: means over the common seeds and examples, geometric ones
    where `relative`. value: b - a; where `relative`, b / a - 1. low, high: its 95 % interval, not corrected
    for the number of comparisons. method: in words. subset: in words, where a or b is of less than the
    run has. seeds_needed: how many would tell them apart, where these did not and that is known; else 0.
    """

    a: float
    b: float
    value: float
    relative: bool
    method: str
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    subset: str = ""
    seeds_needed: int = 0


def is_relative(unit: str, *values: float) -> bool:
    """Whether quantities of a unit are compared by their ratio: those that scale, where positive."""
    return unit_of(unit).scales and min(values) > 0.0


def change(a: float, b: float, unit: str) -> float:
    """Return B / A - 1, or where that has no meaning B - A."""
    return b / a - 1.0 if is_relative(unit, a, b) else b - a


def of_exact(a: Sequence[float], b: Sequence[float], unit: str) -> Difference:
    """Compare counts that have no noise, one a seed."""
    first, second = float(np.mean(a)), float(np.mean(b))
    value = change(first, second, unit)
    relative = is_relative(unit, first, second)
    return Difference(
        a=first,
        b=second,
        value=value,
        relative=relative,
        method=EXACT,
        low=value,
        high=value,
        p_value=1.0 if sorted(set(a)) == sorted(set(b)) and not value else 0.0,
    )


def of_single(a: float, b: float, unit: str, why: str = "a single observation each") -> Difference:
    """Show two observations of which nothing is claimed."""
    relative = is_relative(unit, a, b)
    return Difference(a=a, b=b, value=change(a, b, unit), relative=relative, method=why)


def of_examples(a: Scores, b: Scores, figures: tuple[float, float]) -> Difference | None:
    """Compare per-example scores on the examples and seeds that both sides have; None where that cannot be.

    figures: the means of the metric over the seeds of a and of b. Where these are the means of the scores
    (a share of verdicts), so are the A and B of the difference, on the examples that both have. Where not
    (R2, of squared errors), the difference is that of the figures and its interval is scaled to it, which
    needs that both have all examples.

    Seeds and examples are both drawn at random (see `statistics.crossed`). Where seeds are no source of
    variance, as weights were loaded or both sides measured the same fits: the exact McNemar test, with the
    interval of Bonett & Price. Of examples that lie in time, such as windows of a series, blocks are counted.
    Models with the same loss on every example are the same, as those with the same verdicts need not be.
    """
    both, time = align_pair(b, a), common_time(b, a)
    if both is None:
        return None
    difference = both[0] - both[1]
    seed_sd = common_seed_sd(a, b)
    value = float(difference.mean())
    p_value: float | None = paired_p_value(*both, seed_sd, time)
    low: float | None
    high: float | None
    signs = time is None and set(np.unique(difference)) <= {-1.0, 0.0, 1.0}
    needed = 0
    if not difference.any() and not set(np.unique(both[0])) <= {0.0, 1.0}:
        low, high, method = 0.0, 0.0, SAME_SCORES
    elif signs and (not difference.any() or (len(difference) == 1 and not seed_sd)):
        row = difference[0]
        low, high = paired_shares_interval(int((row > 0).sum()), int((row < 0).sum()), len(row))
        method = "exact McNemar test, per example"
    elif time is not None and time.blocks < 2:
        low, high, p_value, method = None, None, None, FEW_BLOCKS
    else:
        variance = paired(*both, seed_sd, time)
        half = variance.half_width()
        if variance.of_seeds and half >= abs(value):
            needed = variance.seeds_needed(value, len(difference))
        low, high = value - half, value + half
        if signs:
            low, high = max(low, -1.0), min(high, 1.0)
        counted = "examples" if time is None else "blocks of examples in time"
        method = f"moderated t test over seeds and {counted}, paired"
    found = Difference(
        a=float(both[1].mean()),
        b=float(both[0].mean()),
        value=value,
        relative=False,
        method=method,
        low=low,
        high=high,
        p_value=p_value,
        subset=_examples_compared(a, b, difference.shape[1]),
        seeds_needed=needed,
    )
    if all(math.isclose(s.values.mean(), f) for s, f in zip((a, b), figures, strict=True)):
        return found
    return None if found.subset else _scaled(found, figures)


def _examples_compared(a: Scores, b: Scores, common: int) -> str:
    counts = len(a.ids), len(b.ids)
    if counts == (common, common):
        return ""
    return f"the {common} examples that both have (A {counts[0]}, B {counts[1]})"


def _scaled(found: Difference, figures: tuple[float, float]) -> Difference:
    """Bring a difference of scores to the unit of the figures that they stand behind."""
    value = figures[1] - figures[0]
    ends: tuple[float | None, ...] = (None, None)
    if found.method == SAME_SCORES:
        ends = (value, value)
    elif found.value and found.low is not None and found.high is not None:
        ends = tuple(sorted(end * value / found.value for end in (found.low, found.high)))
    return replace(found, a=figures[0], b=figures[1], value=value, low=ends[0], high=ends[1])


def of_seeds(a: Mapping[int, float], b: Mapping[int, float], unit: str) -> Difference:
    """Compare figures by {seed: value}: Student's t, paired by seed; Welch's where no two are common.

    Quantities that scale are compared in their logarithm. Where differences, or the figures of each side, are
    equal, they say nothing of their spread, and nothing is claimed.
    """
    common = sorted(a.keys() & b.keys())
    if len(common) > 1:
        a, b = ({seed: found[seed] for seed in common} for found in (a, b))
    first, second = float(np.mean(list(a.values()))), float(np.mean(list(b.values())))
    relative = is_relative(unit, *a.values(), *b.values())
    logs = {
        side: {seed: math.log(v) if relative else v for seed, v in found.items()}
        for side, found in (("a", a), ("b", b))
    }
    if len(common) > 1:
        each = np.array([logs["b"][seed] - logs["a"][seed] for seed in common])
        if float(np.ptp(each)) == 0.0:
            return of_single(first, second, unit, f"equal differences, {UNTOLD}")
        ends = [float(np.mean(list(logs[side].values()))) for side in "ab"]
        method = "t test over seeds, paired"
        error, degrees = float(each.std(ddof=1)) / math.sqrt(len(each)), float(len(each) - 1)
        found = _by_t(ends[0], ends[1], error, degrees, relative=relative, method=method)
        seen, mean = Crossed(error**2, 0.0, degrees, math.inf), ends[1] - ends[0]
        if seen.half_width() < abs(mean):
            return found
        return replace(found, seeds_needed=seen.seeds_needed(mean, len(each)))
    elif min(len(a), len(b)) > 1:
        one, other = (np.array(list(logs[side].values())) for side in "ab")
        parts = [float(found.var(ddof=1)) / len(found) for found in (one, other)]
        ends = [float(one.mean()), float(other.mean())]
        method = "Welch's t test over seeds"
        error = math.sqrt(sum(parts))
        if error == 0.0:
            return of_single(first, second, unit, f"equal figures of each side, {UNTOLD}")
        counts = (len(one) - 1, len(other) - 1)
        spread = sum(part**2 / count for part, count in zip(parts, counts, strict=True))
        degrees = sum(parts) ** 2 / spread
    else:
        return of_single(first, second, unit)
    return _by_t(ends[0], ends[1], error, degrees, relative=relative, method=method)


def keep_inside(found: Difference, bounds: tuple[float, float]) -> Difference:
    """Keep an interval inside what a difference can be of figures with bounds, such as those of their unit."""
    if found.relative or found.low is None or found.high is None:
        return found
    widest = bounds[1] - bounds[0]
    return replace(found, low=max(found.low, -widest), high=min(found.high, widest))


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
    logs = math.log(a[0]), math.log(b[0])
    return _by_t(*logs, error, spread.degrees, relative=True, method=method)


def of_one_run(
    number: float, found: tuple[float, float | None, float | None], unit: str, spread: Spread
) -> Difference:
    """Compare the (value, low, high) of one timed series with a number, in their logarithm; see `of_runs`."""
    if not is_relative(unit, number, found[0]):
        return of_single(number, found[0], unit)
    within = 0.0 if spread.holds_noise else _log_error(*found) ** 2
    error = math.sqrt(spread.sd**2 + within)
    method = f"one run, of which another differs by {spread.sd:.1%} (sd, {spread.source}) anyway"
    logs = math.log(number), math.log(found[0])
    return _by_t(*logs, error, spread.degrees, relative=True, method=method)


def of_intervals(
    a: tuple[float, float | None, float | None], b: tuple[float, float | None, float | None]
) -> Difference | None:
    """Compare (value, low, high) by their own 95 % intervals, as independent; None without these."""
    if None in (*a, *b):
        return None
    widths = [(high or 0.0) - (low or 0.0) for _, low, high in (a, b)]
    error = math.hypot(*widths) / (2 * t_quantile(math.inf))
    return _by_t(
        a[0], b[0], error, math.inf, relative=False, method="the intervals of both, unpaired"
    )


def _log_error(value: float, low: float | None, high: float | None) -> float:
    """Return the standard error of a logarithm, from a 95 % interval; 0 where it is not known."""
    if low is None or high is None or low <= 0:
        return 0.0
    return math.log(high / low) / (2 * t_quantile(math.inf))


def _by_t(
    a: float, b: float, error: float, degrees: float, *, relative: bool, method: str
) -> Difference:
    """Return the difference of two estimates by Student's t; of their logarithms where `relative`."""
    from scipy import special

    middle = b - a
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
        a=math.exp(a) if relative else a,
        b=math.exp(b) if relative else b,
        value=value,
        relative=relative,
        method=method,
        low=low,
        high=high,
        p_value=p_value,
    )
