"""What a run's time budget left out, in sentences beside its verdicts: a best of some models is not the best of all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from harness.store.run_data import JobRow
from harness.summary.metric_rows import RowKey, name_models
from harness.summary.verdict import name_some


def status_of(status: str, jobs: Sequence[JobRow]) -> str:
    """Return how a run ended, with the number of jobs that its time budget left out."""
    left_out = sum(job.out_of_time for job in jobs)
    if not left_out:
        return status
    return f"{status}, with {left_out:,} of {len(jobs):,} jobs left out by its time budget"


def say_left_out(
    jobs: Sequence[JobRow], judged: Collection[RowKey], judged_by: Collection[str]
) -> tuple[str, ...]:
    """Say for each data set which models a time budget left without a figure, or with fewer seeds than planned.

    judged: the models that have the figure by which models are ranked. judged_by: the measures that it is of.
    """
    planned: dict[RowKey, set[int]] = {}
    missing: dict[RowKey, set[int]] = {}
    cut: dict[RowKey, None] = {}
    places = [
        (job, RowKey.of(job.axes))
        for job in jobs
        if "architecture" in job.axes and "dataset" in job.axes
    ]
    trained = {replace(place, recipe="") for _, place in places if place.recipe}
    for job, place in places:
        if not place.recipe and place in trained:
            continue  # what is timed or counted of the bare model judges none of those that are trained
        if job.out_of_time:
            cut[place] = None
        counts = job.sort == "fit" or job.axes.get("measure") in judged_by
        if counts and job.axes.get("seed") is not None:
            planned.setdefault(place, set()).add(int(job.axes["seed"]))
            if job.out_of_time:
                missing.setdefault(place, set()).add(int(job.axes["seed"]))
    names = name_models([*judged, *cut])
    datasets = list(dict.fromkeys(place.dataset for place in (*judged, *cut)))
    found = []
    for dataset in datasets:
        prefix = f"{dataset}: " if len(datasets) > 1 else ""
        mine = [place for place in cut if place.dataset == dataset]
        if nothing := [names[place] for place in mine if place not in judged]:
            found.append(f"{prefix}Not judged, as the time budget was over: {name_some(nothing)}.")
        fewer = [
            f"{names[place]} ({len(planned[place]) - len(missing[place])} of {len(planned[place])})"
            for place in mine
            if place in judged and place in missing
        ]
        if fewer:
            found.append(
                f"{prefix}Of fewer seeds than planned, as the time budget was over: {name_some(fewer)}."
            )
    return tuple(found)
