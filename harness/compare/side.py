"""One of two runs that are compared: its figures by what they are of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import Shown
from harness.plan.axes import ROW_AXES
from harness.plan.search import SEARCH
from harness.store.run_data import JobRow, RunData
from harness.summary.example_scores import ExampleScores, is_floor
from harness.summary.metric_rows import MetricRow, read_metric_rows
from harness.summary.shown_columns import axes_of

Key = tuple[tuple[str | None, ...], str, str, str]  # at, measure, metric, where
Columns = Mapping[tuple[str, str], Shown]  # by measure and metric


class Side:
    """The figures of one run."""

    def __init__(self, run: RunData, catalogue: Catalogue) -> None:
        """Read the metrics; per-example scores are read when they are asked for."""
        self.run = run
        self.axes = lru_cache(partial(axes_of, catalogue))
        self.jobs: dict[str, JobRow] = {job.fingerprint: job for job in run.jobs}
        self.found = read_metric_rows(run.metrics)
        self.kept = ExampleScores(run)

    def is_floor(self, one: MetricRow) -> bool:
        """Whether a figure is of a floor of its data set, and so of no model of the suite."""
        return one.at[0] is not None and is_floor(self.jobs[one.fingerprint])

    def values(self, axis: str) -> set[str]:
        """Return what an axis takes among the models."""
        place = ROW_AXES.index(axis)
        found = (one for one in self.found if one.at[place] is not None and not self.is_floor(one))
        return {str(one.at[place]) for one in found}

    def settings(self) -> dict[str, set[Any]]:
        """Return the values of each axis that says how a measure was run."""
        values: dict[str, set[Any]] = {}
        for one in self.found:
            for axis in self.axes(measure_of(one)).declared:
                if axis.setting and axis.name in one.where:
                    values.setdefault(axis.name, set()).add(one.where[axis.name])
        return values

    def index(self, columns: Columns, swapped: frozenset[str]) -> dict[Key, list[MetricRow]]:
        """Return the figures of each key, one a seed. Floors keep their names where models are swapped."""
        indexed: dict[Key, list[MetricRow]] = {}
        for one in self.found:
            measure = measure_of(one)
            shown = columns.get((measure, one.name))
            if shown is None or not _matches(shown, one):
                continue
            at = tuple(
                None if axis in swapped and not self.is_floor(one) else value
                for axis, value in zip(ROW_AXES, one.at, strict=True)
            )
            where = {k: v for k, v in one.where.items() if k not in swapped}
            trial = self.jobs[one.fingerprint].spec.get(SEARCH, {}).get("trial")
            if trial is not None:  # what it tries depends on the losses before, to their last bit
                where = {"trial": trial}
            key = (at, measure, one.name, json.dumps(where, sort_keys=True))
            indexed.setdefault(key, []).append(one)
        return indexed

    def by_seed(self, found: Iterable[MetricRow]) -> dict[int, MetricRow]:
        """Return those of a seed, by it."""
        axes = {one.fingerprint: self.jobs[one.fingerprint].axes for one in found}
        return {
            int(axes[one.fingerprint]["seed"]): one
            for one in found
            if axes[one.fingerprint].get("seed") is not None
        }

    def seeds_behind(self, found: Iterable[MetricRow]) -> set[int]:
        """Return the seeds of the fits that figures are of: those of all fits where a measure ranges over several."""
        seeds = set[int]()
        for job in {one.fingerprint: self.jobs[one.fingerprint] for one in found}.values():
            if job.axes.get("seed") is not None:
                seeds.add(int(job.axes["seed"]))
            seeds |= {int(fit["seed"]) for fit in job.spec.get("fits", ())}
        return seeds


def measure_of(one: MetricRow) -> str:
    """Return the measure that a figure is of; fits have their own."""
    return one.measure or "fit"


def _matches(shown: Shown, one: MetricRow) -> bool:
    return all(one.where.get(key) == value for key, value in shown.where.items())
