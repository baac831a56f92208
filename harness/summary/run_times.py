"""Where the wall time of a run went, from when its jobs started and how long they took; and what would shorten it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from harness.catalogue.counts import counted, duration, list_some

if TYPE_CHECKING:
    from harness.store.run_data import JobRow, RunData

_WORTH_A_WORD = 0.1  # of the run's wall time
_GROUPS = ("sort", "architecture", "measure")


@dataclass(frozen=True, kw_only=True)
class TimeShare:
    """What part of a run's time something took. jobs: how many; 0 for what is no job's."""

    what: str
    seconds: float
    jobs: int = 0


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """Where the time of a run went.

    seconds: its wall time. places: the most jobs that ran at once.
    wall: parts that add up to `seconds`: what the machine did in each.
    jobs: {"sort", "architecture", "measure": seconds in jobs' processes of each, the longest first}; jobs that ran at once
        count each, so a table's sum may be more than `seconds`.
    chain: labels of the jobs that had to run one after the other, as each needs the one before; of all such
        chains the longest. chain_seconds: that of its jobs.
    advice: sentences: what would shorten the run.
    """

    seconds: float
    places: int
    wall: tuple[TimeShare, ...]
    jobs: Mapping[str, tuple[TimeShare, ...]]
    chain: tuple[str, ...]
    chain_seconds: float
    advice: tuple[str, ...]


@dataclass(frozen=True)
class _Process:
    """What one process of a run did, from start to end in seconds since the run's first one."""

    jobs: tuple[JobRow, ...]
    start: float
    end: float

    @property
    def alone(self) -> bool:
        return self.jobs[0].exclusive


def read_times(run: RunData) -> RunTimes | None:
    """Return where the time of a run went; None where it ran no job, or its store does not say when one started."""
    ran = [job for job in run.jobs if job.started and job.seconds and not job.cached]
    if not ran:
        return None
    processes = _processes(ran)
    places = max(len(running) for _, _, running in _moments(processes))
    first = _moment(min(job.started for job in ran)) - _moment(run.started)
    seconds = run.seconds or first + max(one.end for one in processes)  # of one that was killed
    wall = _wall(processes, places, first, seconds)
    chain = _longest_chain(ran)
    chain_seconds = sum(job.seconds for job in chain)
    return RunTimes(
        seconds=seconds,
        places=places,
        wall=tuple(part for part in wall.values() if part.seconds >= 0.005),
        jobs={axis: _by(axis, ran) for axis in _GROUPS},
        chain=tuple(job.label for job in chain),
        chain_seconds=chain_seconds,
        advice=tuple(_advice(seconds, places, wall, processes, chain_seconds)),
    )


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _processes(ran: Sequence[JobRow]) -> list[_Process]:
    """Return the processes that did jobs; those that shared one started at once and are each given an equal part."""
    shared: dict[tuple[str, float], list[JobRow]] = {}
    for job in ran:
        shared.setdefault((job.started, job.seconds), []).append(job)
    zero = _moment(min(job.started for job in ran))
    found = []
    for (started, seconds), jobs in shared.items():
        start = _moment(started) - zero
        found.append(_Process(tuple(jobs), start, start + seconds * len(jobs)))
    return sorted(found, key=lambda one: one.start)


def _moments(processes: Sequence[_Process]) -> Iterator[tuple[float, float, list[_Process]]]:
    """Yield (from, to, what runs then) of each span between two changes of what runs."""
    took_time = [(place, one) for place, one in enumerate(processes) if one.end > one.start]
    changes = [(one.start, True, place) for place, one in took_time]
    changes += [(one.end, False, place) for place, one in took_time]
    running: dict[int, _Process] = {}
    before = 0.0
    for time, begins, place in sorted(changes):  # at one moment, ends come first
        if time > before:
            yield before, time, list(running.values())
        before = time
        if begins:
            running[place] = processes[place]
        else:
            running.pop(place, None)


def _wall(
    processes: Sequence[_Process], places: int, first: float, seconds: float
) -> dict[str, TimeShare]:
    """Return the parts that a run's wall time has, by what the machine did."""
    spans = list(_moments(processes))
    last_full = max(end for _, end, running in spans if len(running) == places)
    took = dict.fromkeys(("start", "full", "alone", "partly", "tail", "none", "end"), 0.0)
    for start, end, running in spans:
        if not running:
            kind = "none"
        elif len(running) == 1 and running[0].alone:
            kind = "alone"
        elif len(running) == places:
            kind = "full"
        else:
            kind = "tail" if start >= last_full else "partly"
        took[kind] += end - start
    took["start"] = min(max(0.0, first), seconds)
    took["end"] = max(0.0, seconds - sum(took.values()))
    words = {
        "start": "before the first job: plugins, places, what is cached, another run that has the machine",
        "full": f"{counted(places, 'job')} at once" if places > 1 else "a job",
        "alone": "a job that is timed or weighed, and so runs alone",
        "partly": f"fewer than {places} jobs, as others waited for what they need",
        "tail": f"fewer than {places} jobs, as no others were left",
        "none": "no job: batches are tried, processes start, outcomes are written, waits",
        "end": "after the last job",
    }
    return {kind: TimeShare(what=words[kind], seconds=spent) for kind, spent in took.items()}


def _by(axis: str, ran: Sequence[JobRow]) -> tuple[TimeShare, ...]:
    """Return the seconds of jobs by their sort or an axis, the longest first."""
    jobs: dict[str, list[float]] = {}
    for job in ran:
        what = job.sort if axis == "sort" else job.axes.get(axis)
        if what is not None:
            jobs.setdefault(str(what), []).append(job.seconds)
    shares = [
        TimeShare(what=what, seconds=sum(all_), jobs=len(all_)) for what, all_ in jobs.items()
    ]
    return tuple(sorted(shares, key=lambda one: -one.seconds))


def _longest_chain(ran: Sequence[JobRow]) -> list[JobRow]:
    """Return the jobs that had to run one after the other, first to last, of the longest such chain."""
    by_fingerprint = {job.fingerprint: job for job in ran}
    longest: dict[str, tuple[float, JobRow | None]] = {}
    for job in ran:  # in the order of the plan: what is needed comes before what needs it
        before = [by_fingerprint[need] for need in job.needs if need in longest]
        best = max(before, key=lambda one: longest[one.fingerprint][0], default=None)
        so_far = 0.0 if best is None else longest[best.fingerprint][0]
        longest[job.fingerprint] = so_far + job.seconds, best
    last: JobRow | None = by_fingerprint[max(longest, key=lambda key: longest[key][0])]
    chain: list[JobRow] = []
    while last is not None:
        chain.append(last)
        last = longest[last.fingerprint][1]
    return chain[::-1]


def _advice(
    seconds: float,
    places: int,
    wall: Mapping[str, TimeShare],
    processes: Sequence[_Process],
    chain_seconds: float,
) -> Iterator[str]:
    """Yield what would shorten a run; parts of a tenth or more of its time are worth a word."""

    def worth(kind: str) -> bool:
        return wall[kind].seconds >= _WORTH_A_WORD * seconds

    if worth("alone"):
        alone = [job for one in processes if one.alone for job in one.jobs]
        measures = list_some(sorted({str(job.axes.get("measure", job.sort)) for job in alone}))
        yield (
            f"Timed alone: {duration(wall['alone'].seconds)} of {duration(seconds)} ({measures}), while other places wait; "
            "fewer batch sizes or seconds of these measures would shorten it."
        )
    if worth("tail"):
        last = max(processes, key=lambda one: one.end)
        yield (
            f"For the last {duration(wall['tail'].seconds)} a place was idle, as {last.jobs[0].label} was left to end: "
            "it is the job to shorten."
        )
    if worth("none"):
        yield (
            f"No job ran for {duration(wall['none'].seconds)} in all, between {counted(len(processes), 'process', 'processes')}: "
            "many short jobs pay for their start each, one batch of each fit is tried, or another run had the machine."
        )
    if worth("start"):
        yield (
            f"{duration(wall['start'].seconds)} passed before the first job: a larger suite in one run pays it once; or another "
            "run had the machine."
        )
    saved = seconds - chain_seconds
    if saved < _WORTH_A_WORD * seconds:
        yield (
            f"More places would not help: the longest chain of jobs that need one another takes {duration(chain_seconds)} "
            f"of {duration(seconds)}."
        )
    elif worth("full"):
        yield (
            f"More places (cores or machines) would help, down to {duration(chain_seconds)} at best: "
            "so long is the longest chain of jobs that need one another."
        )
