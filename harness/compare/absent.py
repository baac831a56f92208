"""Why a run has no figure of a side of a claim: it was not measured, failed, or a switch left it out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.counts import list_some
from harness.catalogue.yielded import FIT_METRICS, may_yield
from harness.compare.side import Side, measure_of
from harness.errors import UsageError, nearest
from harness.plan.axes import ROW_AXES
from harness.plan.claims import Term
from harness.plan.conditions import unmet
from harness.plan.names import find_item, settle
from harness.store.run_data import JobRow
from harness.summary.metric_rows import MetricRow

_SWITCHES = {
    "architecture": ("architectures", "--only or -a"),
    "dataset": ("data sets", "-d"),
    "recipe": ("recipes", "--set"),
}
"""What a claim names by axis, in the plural, and the switches that may leave it out."""


class LeftOutError(UsageError):
    """A run does not have what a claim is about, and claims are held against their suite before it: a switch left that out."""


@dataclass(frozen=True)
class Absence:
    """A side of a claim that has no figure. wanted: its conditions. also: other names of recipes that the run has."""

    side: Side
    catalogue: Catalogue
    term: Term
    wanted: Mapping[str, str]
    also: Collection[Sequence[str]]

    def not_measured(self) -> UsageError:
        """Return why a run has no metric of a name at all."""
        words = f"no metric {self.term.metric!r} was measured"
        if left_out := self._left_out():
            return LeftOutError(words + left_out)
        measures, jobs = self._of_metric()
        if jobs:
            return UsageError(words + _first_broken(self._here(jobs) or jobs))
        if measures:
            names = " or ".join(sorted(measures))
            return LeftOutError(
                f"{words}, as this run has no measure {names}: where the suite has it, --measure left it out"
            )
        return UsageError(words + nearest(self.term.metric, {one.name for one in self.side.found}))

    def missing(self, named: Sequence[MetricRow]) -> UsageError:
        """Return why a side has no figure of its metric: what it names and the run has not, else the first job that has no result.

        named: the figures of the side's metric.
        """
        what = f"there is no {self.term.metric} of {self.term.architecture!r}"
        if self.wanted:
            said = (f"{key} is {value}" for key, value in self.wanted.items())
            what += f" where {', '.join(said)}"
        if left_out := self._left_out():
            return LeftOutError(what + left_out)
        if words := self._unmet():
            return LeftOutError(f"{what}: {words}; where the suite has it, --set left it out")
        its_own = {*map(measure_of, named), None}  # None: of fits
        jobs = self._here(self.side.run.jobs)
        return UsageError(
            what + _first_broken(job for job in jobs if job.axes.get("measure") in its_own)
        )

    def _here(self, jobs: Iterable[JobRow]) -> list[JobRow]:
        """Return those of some jobs that are of the side's architecture under its conditions."""
        merged = {name for names in self.also for name in names}
        at = {
            key: value
            for key, value in self.wanted.items()
            if key in ROW_AXES and not (key == "recipe" and value in merged)
        }
        return [
            job
            for job in jobs
            if job.axes.get("architecture") == self.term.architecture
            and all(job.axes.get(key, value) == value for key, value in at.items())
        ]

    def _left_out(self) -> str:
        """Say what a side names and the run does not have; "" where it has all.

        Names are held against the suite before a run, but for those that a switch has changed.
        """
        side, others = self.side, {name for names in self.also for name in names}
        for axis, (several, switches) in _SWITCHES.items():
            name = {**self.wanted, "architecture": self.term.architecture}.get(axis)
            here = {str(job.axes[axis]) for job in side.run.jobs if axis in job.axes}
            here |= {str(one.at[ROW_AXES.index(axis)]) for one in side.found} - {"None"}
            here |= others if axis == "recipe" else set()
            if name is not None and name not in here:
                return (
                    f", as this run has no {axis} {name!r} (its {several}: {list_some(sorted(here))}): where the suite has it, "
                    f"{switches} left it out"
                )
        return ""

    def _of_metric(self) -> tuple[set[str], list[JobRow]]:
        """Return which measures say that they yield the metric, and the run's jobs of them."""
        if self.term.metric in FIT_METRICS:
            return set(), [job for job in self.side.run.jobs if job.sort == "fit"]
        measures = {
            name
            for name, entry in self.catalogue.entries("measure").items()
            if may_yield(self.catalogue, entry.item, self.term.metric)
        }
        jobs = (job for job in self.side.run.jobs if "measure" in job.spec)
        return measures, [job for job in jobs if job.spec["measure"]["name"] in measures]

    def _unmet(self) -> str:
        """Say which condition the run's measures were not asked for; "" where none is known to be."""
        _, jobs = self._of_metric()
        specs = {job.axes["measure"]: job.spec["measure"] for job in jobs if "measure" in job.spec}
        try:
            measures = [
                settle(*find_item(self.catalogue, "measure", spec["name"]), spec["options"])
                for spec in specs.values()
            ]
            found = (
                unmet(self.term.metric, key, value, measures, self.catalogue, "this run")
                for key, value in self.wanted.items()
            )
            return next(filter(None, found), "")
        except UsageError:  # of another version, or of plugins that are not here
            return ""


def _first_broken(jobs: Iterable[JobRow]) -> str:
    """Say of the first job that has no result why; "" where each has one."""
    broken = (job for job in jobs if job.status not in ("ok", ""))
    return next((f": {job.label} is {job.status}, {job.reason}" for job in broken), "")
