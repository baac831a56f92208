"""Two runs side by side: each figure that stands for the same thing in both, and how it differs.

A is the one that is compared with, B the newer one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import Shown, fill_in
from harness.compare.differences import EXACT, SAME_OUTCOME, SAME_SCORES, Difference
from harness.compare.method import choose_difference
from harness.compare.side import Key, Side, measure_of
from harness.compare.trainings import TrainingDifference, training_differences
from harness.errors import UsageError
from harness.measure.units import TIMED_UNITS
from harness.plan.axes import ROW_AXES
from harness.statistics.inference import holm
from harness.statistics.model_groups import ALPHA
from harness.statistics.spread import Spread, estimate_spreads
from harness.store.run_data import RunData
from harness.store.store import Store
from harness.summary.metric_rows import MetricRow
from harness.summary.shown_columns import pick, shown_columns, shown_metrics

_SWAPPED = tuple(axis for axis in ROW_AXES if axis != "dataset")  # may differ as a whole


@dataclass(frozen=True, kw_only=True)
class PairedFigure:
    """A figure of both runs.

    at: the axes that hold, with "A -> B" where the runs differ in one as a whole. title: of its column.
    conditions: what it holds for in words, as far as the title does not say it.
    better: "higher", "lower" or "". a, b: means over the seeds and examples that are compared, as the
    difference says. p_value: corrected by Holm's method for the number of pairs; None where nothing is
    claimed. flags: what makes either side doubtful. floor: it is of no model of the suites, but of a floor.
    identical: each seed's figure is the same in both, bit for bit.
    """

    at: Mapping[str, str]
    measure: str
    name: str
    title: str
    unit: str
    better: str
    where: Mapping[str, Any]
    a: float
    b: float
    difference: Difference
    conditions: tuple[str, ...] = ()
    p_value: float | None = None
    flags: tuple[str, ...] = ()
    floor: bool = False
    identical: bool = False

    @property
    def label(self) -> str:
        """What it is of: the axes without those that say nothing."""
        return " ".join(self.at.values())

    @property
    def is_exact(self) -> bool:
        """Whether there is no noise in it."""
        return self.difference.method in (EXACT, SAME_OUTCOME, SAME_SCORES)

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart, for all pairs at once."""
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def verdict(self) -> str:
        """ "better", "worse", "higher", "lower", "equal", "not distinguishable" or "not claimed"."""
        if self.p_value is None:
            return "not claimed"
        if not self.differs:
            return "equal" if self.is_exact else "not distinguishable"
        direction = "higher" if self.difference.value > 0 else "lower"
        if not self.better:
            return direction
        return "better" if direction == self.better else "worse"


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A figure that one run has and the other lacks, and why where a job failed. floor: as of `PairedFigure`."""

    label: str
    measure: str
    name: str
    missing_in: str
    reason: str
    floor: bool = False


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """A comparison of two runs.

    environment: {what: (in A, in B)} where they differ; axes: the same of axes. trainings: the settings in which
    models that are compared were trained differently.
    """

    a: str
    b: str
    pairs: tuple[PairedFigure, ...]
    lost: tuple[Lost, ...]
    environment: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    axes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    trainings: tuple[TrainingDifference, ...] = ()


def compare_runs(
    a: RunData,
    b: RunData,
    catalogue: Catalogue,
    *,
    also: Callable[[str], bool] = lambda metric: False,
) -> RunComparison:
    """Compare the figures of the main table, and wherever they hold those that `also` says.

    Raises:
        UsageError: The runs have no figure in common.
    """
    sides = Side(a, catalogue), Side(b, catalogue)
    axes = _swapped(*sides)
    spreads = timed_spreads(a, b)
    columns = _columns(catalogue, sides[0], also)
    indexed = [side.index(columns, frozenset(axes)) for side in sides]
    pairs = [
        _pair(sides, axes, columns[key[1], key[2]], key, first, indexed[1][key], spreads)
        for key, first in indexed[0].items()
        if key in indexed[1]
    ]
    pairs.sort(key=lambda pair: pair.floor)  # below the models
    if not pairs:
        raise UsageError(
            f"{a.name} and {b.name} have no figure in common: the same measure with the same options, "
            "on the same data set, architecture and recipe"
        )
    claimed = [i for i, pair in enumerate(pairs) if pair.p_value is not None and not pair.is_exact]
    corrected = holm([pairs[i].difference.p_value or 0.0 for i in claimed])
    for i, p_value in zip(claimed, corrected, strict=True):
        pairs[i] = replace(pairs[i], p_value=p_value)
    lost = [
        *_lost("B", indexed, sides),
        *_lost("A", indexed[::-1], sides[::-1]),
    ]
    return RunComparison(
        a=a.name,
        b=b.name,
        pairs=tuple(pairs),
        lost=tuple(lost),
        environment=environment_changes(a.environment, b.environment),
        axes=axes,
        trainings=training_differences(a, b, frozenset(axes)),
    )


def _columns(
    catalogue: Catalogue, side: Side, also: Callable[[str], bool]
) -> dict[tuple[str, str], Shown]:
    """Return what is compared: the condition that the main table shows, or every one of a metric."""
    found: dict[tuple[str, str], Shown] = {}
    by_measure: dict[str, list[MetricRow]] = {}
    for one in side.found:
        by_measure.setdefault(measure_of(one), []).append(one)
    for measure, mine in by_measure.items():
        known = shown_metrics(catalogue, measure)
        known |= {column.metric: column for column in shown_columns(catalogue, measure, mine)}
        for name in dict.fromkeys(one.name for one in mine):
            column = known.get(name)
            if also(name):
                column = column or Shown(metric=name)
                found[measure, name] = replace(column, where={}, pick=None)
            elif column is not None and column.column and (chosen := pick(column, mine)):
                where = dict(column.where)
                if column.pick:
                    where[column.pick[0]] = chosen[0].where.get(column.pick[0])
                elif not where:
                    where = dict(chosen[0].where)
                found[measure, name] = replace(column, where=where)
    return found


def _swapped(a: Side, b: Side) -> dict[str, tuple[str, str]]:
    """Return the axes in which the runs differ as a whole: one value here, another one there."""
    found = {}
    for axis in _SWAPPED:
        first, second = a.values(axis), b.values(axis)
        if len(first) == len(second) == 1 and first != second:
            found[axis] = (first.pop(), second.pop())
    others = b.settings()
    for axis, values in a.settings().items():
        first, second = set(values), set(others.get(axis, ()))
        if len(first) == len(second) == 1 and first != second:
            found[axis] = (str(first.pop()), str(second.pop()))
    return found


def timed_spreads(*runs: RunData) -> Mapping[str, Spread]:
    """Return how much timed figures differ between runs, by metric, from the repeats in the stores of some."""
    repeats: list[tuple[str, str, float]] = []
    for folder in dict.fromkeys(run.store.resolve() for run in runs):
        with Store(folder, create=False) as store:
            repeats += store.repeated_figures(TIMED_UNITS)
    return estimate_spreads(repeats)


def _pair(
    sides: tuple[Side, Side],
    axes: Mapping[str, tuple[str, str]],
    shown: Shown,
    key: Key,
    a: list[MetricRow],
    b: list[MetricRow],
    spreads: Mapping[str, Spread],
) -> PairedFigure:
    floor = sides[0].is_floor(a[0])
    at = {
        axis: " → ".join(axes[axis]) if axis in axes and not floor else value
        for axis, value in zip(ROW_AXES, key[0], strict=True)
        if value or (axis in axes and not floor)
    }
    where = json.loads(key[3])
    title = fill_in(shown.title or shown.metric.replace("_", " "), where)
    flags = dict.fromkeys(
        f"{side}: {one.flag}" for side, found in (("A", a), ("B", b)) for one in found if one.flag
    )
    difference = choose_difference(sides, shown, a, b, spreads)
    return PairedFigure(
        at={axis: str(value) for axis, value in at.items()},
        measure=key[1],
        name=key[2],
        title=title,
        unit=a[0].unit,
        better=shown.better,
        where=where,
        a=difference.a,
        b=difference.b,
        difference=difference,
        conditions=tuple(sides[0].axes(key[1]).said(where, without=title)),
        p_value=difference.p_value,
        flags=tuple(flags),
        floor=floor,
        identical=_by_seed(sides[0], a) == _by_seed(sides[1], b),
    )


def _by_seed(side: Side, found: Sequence[MetricRow]) -> list[tuple[int, str]]:
    """Return the figures of each seed, so that an undefined one is the same as another."""
    seeds = (side.jobs[one.fingerprint].axes.get("seed") for one in found)
    return sorted(
        (-1 if seed is None else int(seed), repr(one.value))
        for seed, one in zip(seeds, found, strict=True)
    )


def _lost(
    missing_in: str, indexed: Sequence[Mapping[Key, Sequence[MetricRow]]], sides: Sequence[Side]
) -> Iterator[Lost]:
    """Yield what the first has and the second lacks."""
    having, lacking = indexed
    for key in having.keys() - lacking.keys():
        at = dict(zip(ROW_AXES, key[0], strict=True))
        broken = [
            job
            for job in sides[1].run.jobs
            if job.status not in ("ok", "")
            and (job.axes.get("measure") or "fit") == key[1]
            and all(value is None or job.axes.get(axis) == value for axis, value in at.items())
        ]
        reason = f"{broken[0].status}: {broken[0].reason}" if broken else ""
        label = " ".join(value for value in key[0] if value)
        yield Lost(
            label=label,
            measure=key[1],
            name=key[2],
            missing_in=missing_in,
            reason=reason,
            floor=sides[0].is_floor(having[key][0]),
        )


def environment_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what differs between two environments, by dotted keys."""
    first, second = dict(_flat(a)), dict(_flat(b))
    return {
        key: (first.get(key, "-"), second.get(key, "-"))
        for key in (*first, *(key for key in second if key not in first))
        if first.get(key) != second.get(key)
    }


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{index}")
    else:
        yield prefix, str(value)
