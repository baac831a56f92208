"""Two runs' timed measures, taken again in pairs of processes that take turns: A B A B.

Figures of two separate runs differ by what the machine did meanwhile. Here both sides see the same
machine, and pairs of fresh processes average out where their memory happens to lie.
"""

from __future__ import annotations

import json
import math
import os
import select
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.catalogue.counts import list_some
from harness.catalogue.host import Host
from harness.errors import HarnessError, UsageError
from harness.execute.alone import alone_on
from harness.execute.debug import stored_request
from harness.execute.device_locks import DeviceLocks
from harness.execute.engines import EngineSetting, Work
from harness.execute.local import LocalEngine
from harness.execute.places import LocalPlace, LocalPlaces
from harness.execute.preload import modules_of
from harness.execute.request import Request
from harness.execute.server_process import QUIET_SECONDS
from harness.measure import alternation
from harness.plan.jobs import Job, Plan
from harness.statistics.inference import holm
from harness.statistics.paired_ratio import PairedRatio, paired_ratio
from harness.store.records import Outcome
from harness.store.run_data import JobRow, RunData
from harness.store.store import Store

NO_TIMED = "{} and {} have no timed job in common: the same measure, architecture, data set, recipe and seed"
TIME_LIMIT = 600.0  # seconds for one pair of processes
_Series = dict[str, list[tuple[list[float], list[float]]]]


@dataclass(frozen=True)
class PairedTiming:
    """A timed series of both sides: this run's over the other's, in seconds a call.

    measure: that took it. is_rate: what it reads is a rate. p_value: corrected by Holm's method for the number
    of series. reason: why there is no ratio.
    """

    label: str
    measure: str
    series: str
    ratio: PairedRatio | None = None
    p_value: float = 1.0
    reason: str = ""
    is_rate: bool = False

    @property
    def change(self) -> float:
        """How much more the measure reads than the other run's: of a rate, of seconds for the rest."""
        if self.ratio is None:
            return math.nan
        return (1 / self.ratio.value if self.is_rate else self.ratio.value) - 1


def time_in_pairs(
    mine: RunData,
    other: RunData,
    host: Host,
    *,
    python: str | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> list[PairedTiming]:
    """Time again, interleaved, what two runs have both timed.

    python: the interpreter of the other side, where it is another environment. report receives a line
    for each job.

    Raises:
        UsageError: The runs have no timed job in common.
    """
    pairs = _pairs(mine, other)
    if not pairs:
        raise UsageError(f"{NO_TIMED.format(mine.name, other.name)}, ok in both")
    with ExitStack() as stack:
        own, theirs = (stack.enter_context(Store(run.store, create=False)) for run in (mine, other))
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="model-harness-")))
        requests = [
            (stored_request(own, a.fingerprint), stored_request(theirs, b.fingerprint))
            for a, b in pairs
        ]
        sides = [
            _TimedSide(stack, host, [request.job for request in found], interpreter)
            for found, interpreter in zip(zip(*requests, strict=True), (None, python), strict=True)
        ]
        locks = DeviceLocks(mine.name, str(mine.store))
        stack.callback(locks.close)
        found: list[PairedTiming] = []
        for number, (a, b) in enumerate(requests, start=1):
            report(f"[{number}/{len(requests)}] {a.job.label}, interleaved")
            with alone_on(_place(a.job).device, a.job.label, locks, report):
                found += _compare(a, b, sides, temporary / str(number))
    corrected = iter(holm([one.ratio.p_value for one in found if one.ratio]))
    return [replace(one, p_value=next(corrected)) if one.ratio else one for one in found]


def _place(job: Job) -> LocalPlace:
    """Return where both sides of a job run: on the same cores, and the first of the visible GPUs.

    Raises:
        UsageError: It is for a GPU, and there is none.
    """
    places = LocalPlaces(1, job.threads)
    found = places.free(job.device, exclusive=True)
    if not found:
        raise UsageError(f"{job.label!r} was timed on a GPU, and none is visible here")
    return replace(found[0], cpus=places.cores[: job.threads])


def _pairs(mine: RunData, other: RunData) -> list[tuple[JobRow, JobRow]]:
    """Return the jobs that time or weigh, ok in both, that hold for the same axes."""
    known = _timed(other)
    return [(job, known[key]) for key, job in _timed(mine).items() if key in known]


def _timed(run: RunData) -> dict[str, JobRow]:
    jobs = (job for job in run.jobs if job.status == "ok")
    return {_key(job): job for job in jobs if job.sort == "measure" and job.exclusive}


def _key(job: Job | JobRow) -> str:
    return json.dumps(dict(job.axes), sort_keys=True)


def require_timed(plan: Plan, other: RunData) -> None:
    """Raise where a run of a plan would have no timed job in common with another run.

    Raises:
        UsageError: It would not.
    """
    known = _timed(other)
    planned = [job for job in plan.jobs if job.sort == "measure" and job.exclusive and not job.skip]
    if any(_key(job) in known for job in planned):
        return
    if not known:
        why = f"{other.name} has timed nothing"
    elif not planned:
        why = (
            "the suite has no measure that times or weighs; name one, such as --measure throughput"
        )
    else:
        why = f"{other.name} has timed {list_some([job.label for job in known.values()])}"
    raise UsageError(f"{NO_TIMED.format(other.name, 'this run')}: {why}")


class _TimedSide:
    """The engine that runs one side's jobs."""

    def __init__(
        self, stack: ExitStack, host: Host, jobs: Sequence[Job], python: str | None
    ) -> None:
        setting = EngineSetting(
            plugins=host.choice, preload=modules_of(jobs, host.catalogue), python=python
        )
        self.engine = LocalEngine(setting)
        stack.callback(self.engine.close)


def _compare(
    a: Request, b: Request, sides: Sequence[_TimedSide], folder: Path
) -> Iterator[PairedTiming]:
    """Run the pairs of one job, and yield a comparison of each of its series."""
    label, series, rates = a.job.label, _Series(), set[str]()
    measure = str(a.job.axes.get("measure", "")).partition(":")[0]
    for index in range(alternation.PAIRS):
        place = folder / str(index)
        outcomes = _run_pair((a, b), sides, place, first=index % 2)
        broken = [one for one in outcomes if not one.is_ok]
        if broken:
            yield PairedTiming(label, measure, "", reason=f"{broken[0].status}: {broken[0].reason}")
            return
        rates |= {name for name, unit in first_units(outcomes[0]).items() if unit == "1/s"}
        logs = [_read(place / side / "turns.json") for side in ("a", "b")]
        for name in logs[0].keys() & logs[1].keys():
            series.setdefault(name, []).append((logs[1][name], logs[0][name]))
        if not series:
            return  # it weighs, and times nothing
    for name, pairs in sorted(series.items()):
        if len(pairs) == alternation.PAIRS:
            yield PairedTiming(label, measure, name, paired_ratio(pairs), is_rate=name in rates)


def first_units(outcome: Outcome) -> dict[str, str]:
    """Return {series: the unit of the first figure that was made of it}, which is what its measure is for."""
    units: dict[str, str] = {}
    for metric in outcome.metrics:
        units.setdefault(metric.samples, metric.unit)
    return units


def _read(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{i}" if not one["series"] else one["series"]: one["medians"]
        for i, one in enumerate(found)
    }


def _run_pair(
    requests: Sequence[Request],
    sides: Sequence[_TimedSide],
    place: Path,
    first: int,
    limit: float = TIME_LIMIT,
) -> list[Outcome]:
    """Run one process of each side, in turns; return how they ended."""
    folders = [place / "a", place / "b"]
    for folder in folders:
        folder.mkdir(parents=True)
    with _pipes(place) as (paths, handles):
        works = []
        for index, (request, side) in enumerate(zip(requests, sides, strict=True)):
            told = {"mine": paths[index], "theirs": paths[1 - index]}
            work = Work(
                token=f"{place.name}{index}",
                request=replace(request, folder=str(folders[index]), turns=told),
                place=_place(request.job),
            )
            side.engine.submit(work)
            works.append(work)
        alternation.begin(handles[first])
        outcomes: dict[int, Outcome] = {}
        until = time.monotonic() + limit
        while len(outcomes) < 2:
            left = max(0.0, until - time.monotonic())
            select.select([side.engine for side in sides], [], [], min(left, QUIET_SECONDS))
            for index, side in enumerate(sides):
                for ended in side.engine.wait(0.0):
                    outcomes[index] = ended.outcome
                    alternation.leave_alone(handles[1 - index])
            if time.monotonic() >= until:
                until += limit
                for index, side in enumerate(sides):
                    side.engine.kill(works[index].token, f"it took longer than {limit:g} s")
    return [outcomes[0], outcomes[1]]


@contextmanager
def _pipes(place: Path) -> Iterator[tuple[list[str], list[int]]]:
    """Make a named pipe for each side, and hold both open."""
    paths = [str(place / name) for name in ("turn-of-a", "turn-of-b")]
    handles = []
    try:
        for path in paths:
            os.mkfifo(path, 0o600)
            handles.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        yield paths, handles
    except OSError as error:
        raise HarnessError(f"two processes cannot take turns here: {error}") from error
    finally:
        for handle in handles:
            os.close(handle)
