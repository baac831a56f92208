"""Why a run has no figure of a side of a claim: it was not measured, failed, or a switch left it out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.catalogue.counts import list_some
from harness.compare.side import Side, measure_of
from harness.errors import nearest
from harness.plan.axes import ROW_AXES
from harness.plan.claims import Term
from harness.summary.metric_rows import MetricRow

_SWITCHES = {
    "architecture": ("architectures", "--only or -a"),
    "dataset": ("data sets", "-d"),
    "recipe": ("recipes", "--set"),
}
"""What a claim names by axis, in the plural, and the switches that may leave it out."""


def not_measured(
    side: Side, term: Term, wanted: Mapping[str, str], also: Iterable[Sequence[str]]
) -> str:
    """Say why a run has no metric of a name at all; arguments as for `missing`."""
    known = {one.name for one in side.found}
    left_out = _left_out(side, term, wanted, also)
    near = left_out or (
        f"{nearest(term.metric, known)}; where a measure of the suite has it, --measure left that out"
    )
    return f"no metric {term.metric!r} was measured{near}"


def missing(
    side: Side,
    term: Term,
    wanted: Mapping[str, str],
    also: Collection[Sequence[str]],
    named: Sequence[MetricRow],
) -> str:
    """Say why a side has no figure: what it names and the run has not, else the first job under its conditions that has no result.

    wanted: these conditions. also: other names of recipes that the run has. named: the figures of the side's metric.
    """
    its_own = {*map(measure_of, named), None}  # None: of fits
    merged = {name for names in also for name in names}
    at = {
        key: value
        for key, value in wanted.items()
        if key in ROW_AXES and not (key == "recipe" and value in merged)
    }
    broken = [
        job
        for job in side.run.jobs
        if job.status not in ("ok", "")
        and job.axes.get("architecture") == term.architecture
        and job.axes.get("measure") in its_own
        and all(job.axes.get(key, value) == value for key, value in at.items())
    ]
    what = f"{term.metric} of {term.architecture!r}"
    if wanted:
        what += " where " + ", ".join(f"{key} is {value}" for key, value in wanted.items())
    left_out = _left_out(side, term, wanted, also)
    if broken and not left_out:
        return f"there is no {what}: {broken[0].label} is {broken[0].status}, {broken[0].reason}"
    return f"there is no {what}{left_out}"


def _left_out(
    side: Side, term: Term, wanted: Mapping[str, str], also: Iterable[Sequence[str]]
) -> str:
    """Say what a side names and the run does not have; "" where it has all.

    Names are held against the suite before a run, but for those that a switch has changed.
    """
    others = {name for names in also for name in names}
    for axis, (several, switches) in _SWITCHES.items():
        name = {**wanted, "architecture": term.architecture}.get(axis)
        here = {str(job.axes[axis]) for job in side.run.jobs if axis in job.axes}
        here |= {str(one.at[ROW_AXES.index(axis)]) for one in side.found} - {"None"}
        here |= others if axis == "recipe" else set()
        if name is not None and name not in here:
            return (
                f", as this run has no {axis} {name!r} (its {several}: {list_some(sorted(here))}): where the suite has it, "
                f"{switches} left it out"
            )
    return ""
