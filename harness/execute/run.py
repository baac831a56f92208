"""One execution of one plan: what is cached is linked, the rest is scheduled, all of it recorded."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.catalogue.host import Host
from harness.catalogue.kinds import Item
from harness.catalogue.references import call, module_name
from harness.errors import HarnessError, UnknownNameError
from harness.execute.engines import EngineSetting, RunningEngine, Work
from harness.execute.job import Request
from harness.execute.progress import Observer, make_observer
from harness.execute.schedule import DeviceLocks, Queue, Slots, Step
from harness.plan.estimate import Remaining, make_estimator
from harness.plan.jobs import Job, Plan
from harness.results.records import BLOCKED, OK, SKIPPED, Outcome
from harness.results.store import Store, now

_RETRY_SECONDS = 0.3  # between looks at a lock or a job that another run holds


class Interrupted(HarnessError):
    """Somebody stopped the run; what is finished is kept."""

    exit_code = 130


@dataclass(frozen=True)
class RunSummary:
    """How a run ended. counts: jobs by status; "cached" are those that were ok before."""

    run: int
    name: str
    counts: Mapping[str, int]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 where all is ok or skipped as not applicable, else 1."""
        return 0 if set(self.counts) <= {OK, SKIPPED, "cached"} else 1


def find_cached(plan: Plan, store: Store, fresh: Sequence[str] = ()) -> dict[str, int]:
    """Return {fingerprint: outcome id} of the jobs that need not run.

    fresh: names of measures (or "fit", "prepare") whose jobs run again all the same. An outcome whose
    files have vanished from the store does not count.
    """
    known = {job.axes.get("measure", job.sort) for job in plan.jobs} | {"fit", "prepare"}
    for name in fresh:
        if name not in known:
            raise UnknownNameError("measure of this suite", name, sorted(known))
    renewed = set(fresh)
    wanted = [
        job.fingerprint
        for job in plan.jobs
        if not job.skip
        and job.axes.get("measure") not in renewed
        and (job.sort == "measure" or job.sort not in renewed)
    ]
    found = store.finished(wanted)
    return {
        fingerprint: outcome
        for fingerprint, outcome in found.items()
        if store.folder_of(outcome).is_dir()
    }


def run_plan(
    plan: Plan,
    store: Store,
    host: Host,
    *,
    written: Mapping[str, Any] | None = None,
    fresh: Sequence[str] = (),
    observer: Observer | None = None,
    engine: str = "local",
) -> RunSummary:
    """Run what is not cached, record every outcome, and return how it ended.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; what is finished is kept and the next run goes on.
        StoreError: The store failed (a full disk); what is finished is kept.
    """
    return _Run(plan, store, host, observer or make_observer(), engine).go(written or {}, fresh)


class _Run:
    def __init__(
        self, plan: Plan, store: Store, host: Host, observer: Observer, engine: str
    ) -> None:
        self.plan, self.store, self.host, self.observer = plan, store, host, observer
        self.engine_name = engine
        self.hardware = plan.hardware
        self.slots = Slots(self.hardware["cpu_slots"], self.hardware["threads"])
        self.estimate = make_estimator(store.durations())
        self.counts: Counter[str] = Counter()
        self.running: dict[str, _Running] = {}
        self.folders: dict[str, str] = {}  # of finished jobs that others need
        self.needed = {need for job in plan.jobs for need in job.needs}
        self.run, self.name = 0, ""

    def go(self, written: Mapping[str, Any], fresh: Sequence[str]) -> RunSummary:
        started = time.perf_counter()
        self.known_outcomes = self.store.latest_outcome()
        cached = find_cached(self.plan, self.store, fresh)
        self.run, self.name = self.store.start_run(self.plan, written)
        self.store.link(self.run, cached)
        self.counts["cached"] += len(cached)
        self.remember_folders(cached)
        for job in self.plan.jobs:
            if job.skip:
                self.record(
                    job, Outcome(fingerprint=job.fingerprint, status=SKIPPED, reason=job.skip)
                )
        self.queue = Queue(self.plan.jobs, cached)
        self.remaining = Remaining(
            (job for job in self.plan.jobs if job.fingerprint not in cached),
            self.estimate,
            self.slots.total["cpu"],
            self.slots.total["cuda"],
        )
        self.announce_start(cached)
        status = "interrupted"
        try:
            if len(self.remaining):
                self.work_through()
            status = "completed"
        except KeyboardInterrupt:
            raise Interrupted(
                f"{self.name} was interrupted; {len(self.remaining)} jobs are left, all others are "
                "kept: run the same command again to go on"
            ) from None
        finally:
            self.observer.finished()
            seconds = time.perf_counter() - started
            counts = {name: count for name, count in self.counts.items() if count}
            with contextlib.suppress(HarnessError) if status != "completed" else _nothing():
                self.store.finish_run(self.run, status, seconds, counts)
            self.host.notify("harness_run_finished", run=self.facts(), counts=counts)
        return RunSummary(self.run, self.name, counts, seconds)

    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "suite": self.plan.suite,
            "store": str(self.store.folder),
            "jobs": len(self.plan.jobs),
        }

    def announce_start(self, cached: Mapping[str, int]) -> None:
        facts = self.facts() | {
            "trials": self.plan.trials,
            "cached": len(cached),
            "skipped": self.counts[SKIPPED],
            "to_do": len(self.remaining),
            "cpu_slots": self.slots.total["cpu"],
            "gpus": self.slots.total["cuda"],
            "estimate": self.remaining.seconds(),
        }
        self.observer.started(facts)
        self.host.notify("harness_run_started", run=self.facts())

    def remember_folders(self, outcomes: Mapping[str, int]) -> None:
        for fingerprint, outcome in outcomes.items():
            if fingerprint in self.needed:
                self.folders[fingerprint] = str(self.store.folder_of(outcome).resolve())

    def work_through(self) -> None:
        with _terminate_as_interrupt():
            engine = self.start_engine()
            self.locks = DeviceLocks()
            try:
                while len(self.queue):
                    waiting = self.start_ready(engine)
                    for ended in engine.wait(self.timeout(waiting)):
                        self.end(ended.token, ended.outcome)
                    self.kill_overdue(engine)
            finally:
                engine.close()
                self.locks.close()
                for running in self.running.values():
                    self.store.discard(Path(running.work.request.folder))

    def start_engine(self) -> RunningEngine:
        entry, _ = self.host.catalogue.find("engine", self.engine_name)
        setting = EngineSetting(
            plugins=self.host.choice,
            preload=self.modules(),
            memory_limit=self.hardware["memory_limit"],
        )
        engine: RunningEngine = call(entry.item.start, setting=setting)  # type: ignore[attr-defined]
        return engine

    def modules(self) -> list[str]:
        """Return the modules of the items that the plan's jobs name, to be imported once."""
        found: dict[str, None] = {}

        def collect(kind: str, spec: Any) -> None:
            if isinstance(spec, Mapping) and "name" in spec and ":" not in spec["name"]:
                item: Item = self.host.catalogue.find(kind, spec["name"])[0].item
                for reference in item.callables():
                    found.setdefault(module_name(reference))

        for spec in {id(job.spec): job.spec for job in self.remaining.jobs()}.values():
            for kind in ("architecture", "measure", "shift"):
                collect(kind, spec.get(kind))
            for kind, inner in spec.get("training", {}).items():
                collect(kind, inner)
        return list(found)

    def timeout(self, waiting: bool) -> float | None:
        """Return how long to wait for a job to end: until the next deadline, without polling."""
        deadlines = [running.deadline for running in self.running.values()]
        times = [max(0.0, min(deadlines) - time.monotonic())] if deadlines else []
        if waiting:
            times.append(_RETRY_SECONDS)
        return min(times) if times else None

    def start_ready(self, engine: RunningEngine) -> bool:
        """Start all that can start; return whether something waits for another run."""
        waiting = False
        for device in ("cuda", "cpu"):
            held: list[Step] = []
            while self.queue.has_ready(device, False) and self.slots.free(device):
                step = self.queue.take(device, False)
                if not self.start(engine, step):
                    held.append(step)
            for step in held:
                self.queue.put_back(step)
            waiting = waiting or bool(held)
            if self.queue.has_ready(device, False) and not held:
                continue
            while self.queue.has_ready(device, True) and self.may_run_alone(device):
                step = self.queue.take(device, True)
                if not self.start(engine, step):
                    self.queue.put_back(step)
                    waiting = True
                    break
        return waiting

    def may_run_alone(self, device: str) -> bool:
        return self.slots.idle("cpu") if device == "cpu" else self.slots.free("cuda")

    def start(self, engine: RunningEngine, step: Step) -> bool:
        """Start a step; False where another run holds the job or the device."""
        job = step.job
        if not self.store.claim(job.fingerprint):
            return False
        made = self.store.finished([job.fingerprint]) if not step.trying else {}
        if made and job.fingerprint in self.remaining and self.made_elsewhere(made):
            self.store.release(job.fingerprint)
            self.store.link(self.run, made)
            self.remember_folders(made)
            self.counts["cached"] += 1
            self.settle(step, Outcome(fingerprint=job.fingerprint, status=OK))
            return True
        slot = self.slots.take(job.device, job.exclusive)
        lock = "cpu" if slot.gpu is None else slot.name
        if not self.locks.acquire(lock, job.exclusive):
            self.slots.give_back(slot)
            self.store.release(job.fingerprint)
            return False
        folder = self.store.new_attempt(job.fingerprint)
        needs = {need: self.folders[need] for need in job.needs if need in self.folders}
        request = Request(job, str(folder.resolve()), needs, step.trying)
        work = Work(token=step.key, request=request, slot=slot)
        self.running[step.key] = _Running(
            step, work, lock, folder, time.monotonic() + self.hardware["time_limit"], now()
        )
        engine.submit(work)
        self.observer.job_started(job, slot, step.trying)
        facts = {"fingerprint": job.fingerprint, "sort": job.sort, "label": job.label}
        self.host.notify("harness_job_started", job=facts | {"slot": slot.name})
        return True

    def made_elsewhere(self, made: Mapping[str, int]) -> bool:
        """Whether outcomes were made since this run began, by another one, and not to be renewed."""
        return all(outcome > self.known_outcomes for outcome in made.values())

    def kill_overdue(self, engine: RunningEngine) -> None:
        limit = self.hardware["time_limit"]
        for token, running in self.running.items():
            if time.monotonic() >= running.deadline:
                engine.kill(
                    token, f"it took longer than its time limit of {limit:g} s and was killed"
                )
                running.deadline += 60.0  # in case the kill itself is slow

    def end(self, token: str, outcome: Outcome) -> None:
        """Take in how a job's process ended: record it first, then tell."""
        running = self.running.pop(token)
        step, job = running.step, running.step.job
        self.slots.give_back(running.work.slot)
        self.locks.release(running.lock)
        try:
            if step.trying and outcome.status == OK:
                self.store.discard(running.folder)
                self.settle(step, outcome)
                return
            if step.trying:
                outcome = replace(outcome, reason=f"one batch, tried first: {outcome.reason}")
            seconds = outcome.seconds or time.monotonic() - running.began
            (running.folder / "request.json").unlink(missing_ok=True)
            (running.folder / "outcome.json").unlink(missing_ok=True)
            outcome = replace(
                outcome,
                folder=self.store.relative(running.folder),
                started=running.started,
                seconds=seconds,
                shared=not job.exclusive,
            )
            if not step.trying:
                self.record(job, outcome)
            self.settle(step, outcome)
        finally:
            self.store.release(job.fingerprint)

    def record(self, job: Job, outcome: Outcome) -> None:
        """Make an outcome durable, then announce it."""
        self.store.add_outcome(self.run, outcome)
        if outcome.status == OK:
            self.folders[job.fingerprint] = str((self.store.folder / outcome.folder).resolve())
        self.counts[outcome.status] += 1
        facts = {"fingerprint": job.fingerprint, "sort": job.sort, "label": job.label}
        self.host.notify(
            "harness_job_finished",
            job=facts,
            outcome={
                "status": outcome.status,
                "reason": outcome.reason,
                "seconds": outcome.seconds,
                "metrics": [metric.to_json() for metric in outcome.metrics],
            },
        )

    def settle(self, step: Step, outcome: Outcome) -> None:
        """Let go what waited for a step, or block it."""
        job = step.job
        if outcome.status == OK:
            self.queue.succeed(step)
            if not step.trying:
                self.remaining.discard(job.fingerprint)
        else:
            self.remaining.discard(job.fingerprint)
            for blocked in self.queue.fail(step):
                if blocked.trying:
                    continue
                self.block(step, blocked.job, outcome)
        self.observer.job_ended(job, outcome, len(self.remaining), self.remaining.seconds())

    def block(self, step: Step, job: Job, outcome: Outcome) -> None:
        """Record what cannot run: a fit whose one batch failed shares its outcome, the rest waits."""
        self.remaining.discard(job.fingerprint)
        if step.trying and job.sort == "fit":
            same = step.job.fingerprint == job.fingerprint
            folder = outcome.folder if same else ""
            self.record(
                job, replace(outcome, fingerprint=job.fingerprint, folder=folder, metrics=())
            )
            return
        reason = f"it needs {step.job.label!r}, which is {outcome.status}: {outcome.reason}"
        self.record(
            job, Outcome(fingerprint=job.fingerprint, status=BLOCKED, reason=reason, started=now())
        )


@dataclass
class _Running:
    """A step on its way."""

    step: Step
    work: Work
    lock: str
    folder: Path
    deadline: float  # monotonic
    started: str

    def __post_init__(self) -> None:
        self.began = time.monotonic()


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, where signals can be handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
