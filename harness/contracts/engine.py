"""What an engine must satisfy: jobs of a few milliseconds are run on it, which end well or badly on purpose.

An engine whose jobs run on other machines is not started unless a person says which.
"""

from __future__ import annotations

import inspect
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.catalogue.host import PluginChoice
from harness.catalogue.references import call, resolve
from harness.catalogue.run_kinds import Engine
from harness.contracts.subject import NotChecked, Subject, require
from harness.execute.engines import Busy, Displaced, EngineSetting, Place, RunningEngine, Work
from harness.execute.probe_job import DIES, EXHAUSTS, LEFT, RAISES, SLEEPS, WORKS
from harness.execute.request import Request
from harness.machine.machines import places_of
from harness.plan.jobs import Job
from harness.store.records import CRASHED, FAILED, OK, OOM, TIMEOUT, Outcome

PATIENCE_SECONDS = 120.0  # for a job to begin or to end; an engine may import torch first
_AGAIN_SECONDS = 0.05  # in which a job that has ended may wrongly end again
# For what a running job prints to be seen; an engine may bring it when the job ends.
_PRINTING_SECONDS = 10.0
_KEPT = "running"  # of what is kept of a subject
_REASON = "it took too long for a contract"
_ENDS = {RAISES: FAILED, DIES: CRASHED, EXHAUSTS: OOM, SLEEPS: TIMEOUT}


def check_start(subject: Subject) -> None:
    """It can be started with a setting, and its options where it has some."""
    item = subject.item
    assert isinstance(item, Engine)
    for reference, given in ((item.start, ["setting"]), (item.machines, [])):
        if reference is None:
            continue
        needed = [
            parameter.name
            for parameter in inspect.signature(resolve(reference)).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        available = given + (["options"] if item.options is not None else [])
        unknown = [name for name in needed if name not in available]
        what = "start asks" if given else "machines ask"
        require(
            not unknown,
            f"its {what} for {', '.join(unknown)}; available: {', '.join(available) or 'nothing'}",
        )


def check_machines(subject: Subject) -> None:
    """It has machines with places for jobs, each of a name of its own."""
    with _running(subject) as probes:
        machines = probes.engine.machines
        names = [machine.name for machine in machines]
        require(len(set(names)) == len(names) > 0, f"its machines are named {names}")
        require(places_of(machines)["cpu"] > 0, "none of its machines has a place on the CPU")


def check_places(subject: Subject) -> None:
    """A place is taken until its job has ended, and one that is alone has none beside it."""
    with _running(subject) as probes:
        total = places_of(probes.engine.machines)["cpu"]
        works = [probes.begin(WORKS) for _ in range(min(total, 4))]
        taken = [work.place for work in works]
        require(len(set(map(repr, taken))) == len(taken), f"one place is given twice: {taken}")
        if len(works) == total:
            require(probes.is_busy(), f"it gives more places than the {total} that it has")
        probes.ends(works)
        machine = probes.engine.machines[0].name
        alone = probes.begin(WORKS, exclusive=True, machines=(machine,))
        require(
            probes.is_busy(machines=(machine,)), "it gives a place beside a job that must be alone"
        )
        require(
            probes.is_busy(exclusive=True, machines=(machine,)),
            "two jobs that must be alone on one machine get places at once",
        )
        probes.ends([alone])
        probes.ends([probes.begin(WORKS, machines=(machine,))])


def check_files(subject: Subject) -> None:
    """A job finds the files of jobs that it needs; it ends once, when what it left and printed is in its folder."""
    with _running(subject) as probes:
        first = probes.begin(WORKS)
        probes.ends([first])
        second = probes.begin(WORKS, needs={first.request.job.fingerprint: first.request.folder})
        probes.ends([second])
        one, two = first.request.job.label, second.request.job.label
        for work, label, left in ((first, one, one), (second, two, two + one)):
            folder = Path(work.request.folder)
            files = _read(folder / LEFT), _read(folder / "log.txt")
            require(files[0] == left, f"{LEFT} of {label!r} has {files[0]!r}, not {left!r}")
            require(f"{label} {WORKS}" in files[1], f"log.txt of {label!r} has {files[1]!r}")
        again = [one.token for one in probes.engine.wait(_AGAIN_SECONDS)]
        require(not again, f"{again} ended once more")


def check_ends(subject: Subject) -> None:
    """What ends badly ends as what it is, whatever it takes with it, and others go on."""
    with _running(subject) as probes:
        for deed, status in _ENDS.items():
            work = probes.begin(deed)
            if deed == SLEEPS:
                probes.until_begun(work)
                probes.until_printed(work)
                probes.engine.kill(work.token, _REASON)
            (outcome,) = probes.ends([work], None)
            words = f"a job that {deed} ends as {outcome.status}, not {status}: {outcome.reason}"
            require(outcome.status == status, words)
            require(outcome.reason, f"a job that {deed} has no reason")
            require(
                status != TIMEOUT or outcome.reason == _REASON, f"its reason is {outcome.reason!r}"
            )
            folder = Path(work.request.folder)
            require(
                _read(folder / "log.txt"), f"what a job that {deed} has printed has not arrived"
            )
        probes.ends([probes.begin(WORKS)])


def check_close(subject: Subject) -> None:
    """It can be closed while a job runs, and what it has started ends."""
    with _running(subject) as probes:
        probes.until_begun(probes.begin(SLEEPS))
        started = time.monotonic()
    _close(subject)
    require(time.monotonic() - started < PATIENCE_SECONDS, "it takes minutes to close")


CONTRACTS = (check_start, check_machines, check_places, check_files, check_ends, check_close)


class _Probes:
    """Runs probes on an engine."""

    def __init__(self, engine: RunningEngine) -> None:
        self.engine, self._count = engine, 0
        self.folder = tempfile.TemporaryDirectory()

    def begin(
        self,
        deed: str,
        *,
        exclusive: bool = False,
        needs: Mapping[str, str] | None = None,
        machines: Sequence[str] = (),
    ) -> Work:
        """Submit a probe as soon as there is a place."""
        number, self._count = self._count, self._count + 1
        job = _job(number, deed, exclusive, tuple(needs or ()))
        until = time.monotonic() + PATIENCE_SECONDS
        while isinstance(place := self.engine.reserve(job, machines), Busy):
            require(
                time.monotonic() < until,
                f"there is no place for a job: {place.waits_for or 'busy'}",
            )
            list(self.engine.wait(_AGAIN_SECONDS))
        assert isinstance(place, Place)
        folder = Path(self.folder.name, str(number))
        folder.mkdir()
        work = Work(job.fingerprint, Request(job, str(folder), needs or {}), place)
        self.engine.submit(work)
        return work

    def is_busy(self, exclusive: bool = False, machines: Sequence[str] = ()) -> bool:
        """Whether there is no place for one more."""
        return isinstance(self.engine.reserve(_job(0, WORKS, exclusive, ()), machines), Busy)

    def until_begun(self, work: Work) -> None:
        """Wait until a job runs, as the engine says."""
        until = time.monotonic() + PATIENCE_SECONDS
        while work.began is None:
            require(time.monotonic() < until, "it does not say when a job begins (Work.began)")
            ended = list(self.engine.wait(_AGAIN_SECONDS))
            require(not ended, f"a job that has not begun has ended: {ended}")

    def until_printed(self, work: Work) -> None:
        """Wait a while for what a job prints."""
        until = time.monotonic() + _PRINTING_SECONDS
        while time.monotonic() < until and not _read(Path(work.request.folder) / "log.txt"):
            ended = list(self.engine.wait(_AGAIN_SECONDS))
            require(not ended, f"a job that goes on has ended: {ended}")

    def ends(self, works: Sequence[Work], status: str | None = OK) -> list[Outcome]:
        """Wait for the ends of jobs, and of no others; return their outcomes."""
        found: dict[str, Outcome] = {}
        until = time.monotonic() + PATIENCE_SECONDS
        while len(found) < len(works):
            left = until - time.monotonic()
            late = [one for one in works if one.token not in found]
            held_up = dict.fromkeys(
                f", which wait for {one.waits_for}" for one in late if one.waits_for
            )
            require(left > 0, f"{len(late)} of {len(works)} jobs have not ended{''.join(held_up)}")
            for ended in self.engine.wait(left):
                if isinstance(ended, Displaced):
                    raise NotChecked(f"a job lost its place: {ended.reason}")
                known = ended.token not in found and ended.token in {one.token for one in works}
                require(
                    known, f"{ended.token[:8]} ended, which has ended before or was not started"
                )
                found[ended.token] = ended.outcome
        for work in works:
            outcome = found[work.token]
            job = work.request.job
            require(
                outcome.fingerprint == job.fingerprint,
                f"the outcome of {job.label!r} is another job's",
            )
            words = f"{job.label!r} ends as {outcome.status}: {outcome.reason}"
            require(status is None or outcome.status == status, words)
        return [found[work.token] for work in works]


@contextmanager
def _running(subject: Subject) -> Iterator[_Probes]:
    """Give the engine, which is started once for all contracts, and anew where one was broken."""
    probes = subject.keep(_KEPT, lambda: _start(subject))
    try:
        yield probes
    except BaseException:
        _close(subject)
        raise


def _start(subject: Subject) -> _Probes:
    item, chosen = subject.item, subject.choose(subject.given)
    assert isinstance(item, Engine)
    if item.machines is not None:
        if subject.given is None:
            raise NotChecked(
                f"its jobs run on other machines: --engine {item.name}:OPTIONS says which"
            )
        call(item.machines, options=chosen.model())
    setting = EngineSetting(plugins=PluginChoice(), cpu_slots=2, run="a contract")
    return _Probes(call(item.start, setting=setting, options=chosen.model()))


def _close(subject: Subject) -> None:
    probes: _Probes = subject.kept.pop(_KEPT)
    try:
        probes.engine.close()
    finally:
        probes.folder.cleanup()


def _job(number: int, deed: str, exclusive: bool, needs: tuple[str, ...]) -> Job:
    return Job(
        fingerprint=f"{number:064x}",
        sort="probe",
        label=f"probe {number}",
        spec={"deed": deed},
        needs=needs,
        axes={},
        exclusive=exclusive,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
