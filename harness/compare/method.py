"""Choosing how two figures are compared, and on what: the seeds and examples that both runs have."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.catalogue.shown import Shown
from harness.compare.differences import (
    SAME_OUTCOME,
    UNDEFINED,
    Difference,
    keep_inside,
    of_exact,
    of_examples,
    of_intervals,
    of_runs,
    of_seeds,
    of_single,
)
from harness.compare.samples import SideSample, of_samples
from harness.compare.side import Side
from harness.measure.units import UNITS, unit_of
from harness.statistics.model_groups import Scores
from harness.statistics.spread import DEFAULT_SD, Spread
from harness.summary.metric_rows import MetricRow
from harness.summary.shown_columns import BESIDE_OTHERS


def choose_difference(
    sides: tuple[Side, Side],
    shown: Shown,
    a: Sequence[MetricRow],
    b: Sequence[MetricRow],
    spreads: Mapping[str, Spread],
) -> Difference:
    """Return how a figure differs between two runs, one row a seed; see `differences`."""
    a, b, words = _common_seeds(sides, a, b)
    known = UNITS.get(a[0].unit)
    found = keep_inside(
        _difference(sides, shown, a, b, spreads), shown.bounds if known is None else known.bounds
    )
    return replace(found, subset=", ".join(part for part in (words, found.subset) if part))


def _common_seeds(
    sides: tuple[Side, Side], a: Sequence[MetricRow], b: Sequence[MetricRow]
) -> tuple[Sequence[MetricRow], Sequence[MetricRow], str]:
    """Return the rows of the seeds that both have, and these in words; "" where neither has others.

    All are returned where no seed is common.
    """
    seeds = [side.by_seed(rows) for side, rows in zip(sides, (a, b), strict=True)]
    common = sorted(seeds[0].keys() & seeds[1].keys())
    unequal = (
        len(seeds[0]) == len(a) and len(seeds[1]) == len(b) and seeds[0].keys() != seeds[1].keys()
    )
    if not unequal:
        return a, b, ""
    listed = " and ".join(f"{name} {_list(found)}" for name, found in zip("AB", seeds, strict=True))
    if not common:
        return a, b, f"means over seeds ({listed})"
    rows = [[found[seed] for seed in common] for found in seeds]
    return rows[0], rows[1], f"seed {_list(common)} ({listed})"


def _list(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))


def _difference(
    sides: tuple[Side, Side],
    shown: Shown,
    a: Sequence[MetricRow],
    b: Sequence[MetricRow],
    spreads: Mapping[str, Spread],
) -> Difference:
    unit = a[0].unit
    values = [one.value for one in a], [one.value for one in b]
    means = [sum(side) / len(side) for side in values]
    if not all(map(math.isfinite, means)):
        return of_single(means[0], means[1], unit, UNDEFINED)
    folders = [
        {side.jobs[one.fingerprint].folder for one in found}
        for side, found in zip(sides, (a, b), strict=True)
    ]
    if folders[0] == folders[1] and _what(a) == _what(b):
        return replace(of_exact(*values, unit), method=SAME_OUTCOME)
    if all(one.exact for one in (*a, *b)):
        return of_exact(sorted(values[0]), sorted(values[1]), unit)
    scores = [side.kept.scores(found) for side, found in zip(sides, (a, b), strict=True)]
    if scores[0] is not None and scores[1] is not None:
        compared = of_examples(scores[0], scores[1], (means[0], means[1]))
        if compared is not None:
            return compared
    timed = unit_of(unit).timed
    samples = [_sample(*one) for one in zip(sides, (a, b), scores, strict=True)]
    if not timed and samples[0] and samples[1] and samples[0].is_apart(samples[1]):
        return of_samples(samples[0], samples[1], unit)
    if timed:
        if any(
            side.jobs[one.fingerprint].shared
            for side, found in zip(sides, (a, b), strict=True)
            for one in found
        ):
            return of_single(means[0], means[1], unit, BESIDE_OTHERS)
        if len(a) == len(b) == 1:
            spread = spreads.get(a[0].name) or Spread(shown.noise or DEFAULT_SD)
            return of_runs(_ends(a[0]), _ends(b[0]), unit, spread)
    first, second = (
        {seed: one.value for seed, one in side.by_seed(found).items()}
        for side, found in zip(sides, (a, b), strict=True)
    )
    if min(len(first), len(second)) > 1:
        return of_seeds(first, second, unit)
    if len(a) == len(b) == 1:
        return of_intervals(_ends(a[0]), _ends(b[0])) or of_single(means[0], means[1], unit)
    return of_single(means[0], means[1], unit)


def _sample(side: Side, found: Sequence[MetricRow], scores: Scores | None) -> SideSample | None:
    """Return a figure with the examples that it is of; None where no measure kept which these are."""
    ids = side.kept.ids(found)
    if ids is None:
        return None
    own = [(one.low, one.high) for one in found]
    return SideSample([one.value for one in found], own, ids, scores)


def _what(found: Sequence[MetricRow]) -> list[str]:
    """Return which figures of an outcome these are: one may hold several, of other models or conditions."""
    return sorted(json.dumps([one.name, one.at, one.where], sort_keys=True) for one in found)


def _ends(one: MetricRow) -> tuple[float, float | None, float | None]:
    return one.value, one.low, one.high
