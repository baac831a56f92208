"""One execution of one plan: what is cached is linked, the rest is scheduled, all of it recorded."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.catalogue.host import Host
from harness.catalogue.references import call
from harness.errors import HarnessError
from harness.execute.cached import find_cached
from harness.execute.engines import EngineSetting, RunningEngine, Slot, Work
from harness.execute.interrupts import Interrupted, Interrupts
from harness.execute.obstacles import Obstacles
from harness.execute.preload import modules_of
from harness.execute.progress import Observer, make_observer
from harness.execute.request import Request
from harness.execute.schedule import DeviceLocks, Queue, Slots, Step
from harness.machine.energy import metered
from harness.plan.estimate import Likely, Remaining
from harness.plan.jobs import Job, Plan
from harness.store.disk import explained
from harness.store.records import OK, SKIPPED, Outcome, now
from harness.store.store import Store

_STARTED, _NO_DEVICE, _NO_CLAIM = "started", "device held", "job held"  # by another run
_RETRY_SECONDS = 0.3  # between looks at a lock or a job that another run holds


@dataclass(frozen=True)
class RunSummary:
    """How a run ended. counts: jobs by status; "cached" are those that were ok before."""

    run: int
    name: str
    counts: Mapping[str, int]
    seconds: float


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
        self.likely = Likely(store.durations())
        self.counts: Counter[str] = Counter()
        self.running: dict[str, _Running] = {}
        self.folders: dict[str, str] = {}  # of finished jobs that others need
        self.obstacles = Obstacles()
        self.needed = {need for job in plan.jobs for need in job.needs}
        self.interrupts = Interrupts()
        self.run, self.name = 0, ""

    def go(self, written: Mapping[str, Any], fresh: Sequence[str]) -> RunSummary:
        with metered("cpu", *(("cuda",) if self.slots.total["cuda"] else ())) as joules:
            return self.execute(written, fresh, joules)

    def execute(
        self,
        written: Mapping[str, Any],
        fresh: Sequence[str],
        joules: Callable[[], float | None],
    ) -> RunSummary:
        started = time.perf_counter()
        self.known_outcomes = self.store.latest_outcome()
        cached = find_cached(self.plan, self.store, fresh)
        self.remaining = Remaining(
            (job for job in self.plan.jobs if job.fingerprint not in cached),
            self.likely,
            self.slots.total["cpu"],
            self.slots.total["cuda"],
        )
        self.run, self.name = self.store.start_run(self.plan, written)
        status = "interrupted"
        try:
            with self.interrupts:
                self.begin(cached)
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
            broken = status != "completed"  # then the store may be what failed
            with contextlib.suppress(HarnessError) if broken else contextlib.nullcontext():
                self.store.finish_run(self.run, status, seconds, counts, joules())
            self.host.notify("harness_run_finished", run=self.facts(), counts=counts)
        return RunSummary(self.run, self.name, counts, seconds)

    def begin(self, cached: Mapping[str, int]) -> None:
        """Link what is cached, record what is skipped, and say what is left."""
        self.store.link(self.run, cached)
        self.counts["cached"] += len(cached)
        self.remember_folders(cached)
        skipped: list[tuple[Job, Outcome]] = []
        for job in self.plan.jobs:
            reason = job.skip or self.obstacles.against(job)[1]
            if reason and job.fingerprint not in cached:
                outcome = Outcome(fingerprint=job.fingerprint, status=SKIPPED, reason=reason)
                self.obstacles.add(job, SKIPPED, reason)
                self.remaining.discard(job.fingerprint)
                skipped.append((job, outcome))
        self.record(skipped)
        done = {*cached, *(job.fingerprint for job, _ in skipped)}
        self.queue = Queue(self.plan.jobs, done)
        self.announce_start(cached)

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
        needed = {key: outcome for key, outcome in outcomes.items() if key in self.needed}
        folders = self.store.folders_of(needed.values())
        for fingerprint, outcome in needed.items():
            self.folders[fingerprint] = str(folders[outcome].resolve())

    def work_through(self) -> None:
        self.locks = DeviceLocks()
        engine = self.start_engine()
        try:
            while len(self.queue):
                self.took_over = False
                waiting = self.start_ready(engine)
                if self.took_over:
                    continue  # others may be ready by that, or none be left
                if not self.running and not waiting:
                    raise HarnessError(f"{len(self.queue)} steps are left and none can start")
                for ended in engine.wait(self.timeout(waiting)):
                    with self.interrupts.held():
                        self.end(ended.token, ended.outcome)
                self.kill_overdue(engine)
        finally:
            engine.close()
            self.locks.close()
            for running in self.running.values():
                self.store.discard(running.folder)

    def start_engine(self) -> RunningEngine:
        entry, _ = self.host.catalogue.find("engine", self.engine_name)
        setting = EngineSetting(
            plugins=self.host.choice,
            preload=modules_of(self.remaining.jobs(), self.host.catalogue),
            memory_limit=self.hardware["memory_limit"],
        )
        engine: RunningEngine = call(entry.item.start, setting=setting)  # type: ignore[attr-defined]
        return engine

    def timeout(self, waiting: bool) -> float | None:
        """Return how long to wait for a job to end: until the next deadline, without polling."""
        deadlines = [d for running in self.running.values() if (d := self.deadline(running))]
        times = [max(0.0, min(deadlines) - time.monotonic())] if deadlines else []
        if waiting:
            times.append(_RETRY_SECONDS)
        return min(times) if times else None

    def deadline(self, running: _Running) -> float | None:
        """Return when a job is overdue; None before its process has started, and once it is killed."""
        if running.work.began is None or running.work.killed:
            return None
        return running.work.began + float(self.hardware["time_limit"])

    def start_ready(self, engine: RunningEngine) -> bool:
        """Start all that can start; return whether something waits for another run."""
        waiting = False
        for device in ("cuda", "cpu"):
            held: list[Step] = []
            while self.queue.has_ready(device, False) and self.slots.free(device):
                step = self.queue.take(device, False)
                with self.interrupts.held():
                    started = self.start(engine, step)
                if started is not _STARTED:
                    held.append(step)
                if started is _NO_DEVICE:
                    break
            for step in held:
                self.queue.put_back(step)
            waiting = waiting or bool(held)
            if self.queue.has_ready(device, False) and not held:
                continue
            while self.queue.has_ready(device, True) and self.slots.free(device, exclusive=True):
                step = self.queue.take(device, True)
                with self.interrupts.held():
                    started = self.start(engine, step)
                if started is not _STARTED:
                    self.queue.put_back(step)
                    waiting = True
                    break
        return waiting

    def start(self, engine: RunningEngine, step: Step) -> str:
        """Start a step, or say whether another run holds the device or the job."""
        job = step.job
        for slot in self.slots.free(job.device, job.exclusive):
            lock = "cpu" if slot.gpu is None else f"gpu-{slot.gpu}"
            if self.locks.acquire(lock, job.exclusive):
                break
        else:
            return _NO_DEVICE
        claimed = self.store.claim(job.fingerprint)
        made = {} if step.trying or not claimed else self.store.finished([job.fingerprint])
        if not claimed or (made and self.made_elsewhere(made)):
            self.locks.release(lock)
            if not claimed:
                return _NO_CLAIM
            self.store.release(job.fingerprint)
            self.take_over(step, made)
            return _STARTED
        self.slots.take(slot)
        with explained(self.store.folder):
            self.submit(engine, step, slot, lock)
        self.observer.job_started(job, slot, step.trying)
        if not step.trying:  # a try has no outcome of its own to announce
            facts = {"fingerprint": job.fingerprint, "sort": job.sort, "label": job.label}
            self.host.notify("harness_job_started", job=facts | {"slot": slot.name})
        return _STARTED

    def submit(self, engine: RunningEngine, step: Step, slot: Slot, lock: str) -> None:
        job = step.job
        folder = self.store.new_attempt(job.fingerprint)
        needs = {need: self.folders[need] for need in job.needs if need in self.folders}
        request = Request(job, str(folder.resolve()), needs, step.trying)
        work = Work(token=step.key, request=request, slot=slot)
        self.running[step.key] = _Running(step, work, lock, folder, now())
        engine.submit(work)

    def take_over(self, step: Step, made: Mapping[str, int]) -> None:
        """Use the outcome that another run has made in the meantime."""
        self.took_over = True
        self.store.link(self.run, made)
        self.remember_folders(made)
        self.counts["cached"] += 1
        self.settle(step, Outcome(fingerprint=step.job.fingerprint, status=OK))

    def made_elsewhere(self, made: Mapping[str, int]) -> bool:
        """Whether outcomes were made since this run began, by another one, and not to be renewed."""
        return all(outcome > self.known_outcomes for outcome in made.values())

    def kill_overdue(self, engine: RunningEngine) -> None:
        limit = self.hardware["time_limit"]
        for token, running in self.running.items():
            deadline = self.deadline(running)
            if deadline is not None and time.monotonic() >= deadline:
                engine.kill(
                    token, f"it took longer than its time limit of {limit:g} s and was killed"
                )

    def end(self, token: str, outcome: Outcome) -> None:
        """Take in how a job's process ended: record it first, then tell."""
        running = self.running[token]
        step, job = running.step, running.step.job
        self.slots.give_back(running.work.slot)
        self.locks.release(running.lock)
        if not outcome.is_ok:
            self.store.check_space(outcome.reason)
        with explained(self.store.folder):
            (running.folder / "request.json").unlink(missing_ok=True)
            (running.folder / "outcome.json").unlink(missing_ok=True)
        outcome = replace(
            outcome,
            folder=self.store.relative(running.folder),
            started=running.started,
            seconds=outcome.seconds or time.monotonic() - running.began,
            shared=not job.exclusive,
        )
        if not step.trying:
            self.record([(job, outcome)])
        elif outcome.is_ok:
            self.store.discard(running.folder)
        else:
            outcome = replace(outcome, reason=f"one batch, tried first: {outcome.reason}")
        del self.running[token]  # not before it is recorded: what fails until then is tidied up
        self.settle(step, outcome)
        self.store.release(job.fingerprint)

    def record(self, ended: Sequence[tuple[Job, Outcome]]) -> None:
        """Make outcomes durable, then announce them."""
        self.store.add_outcomes(self.run, [outcome for _, outcome in ended])
        for job, outcome in ended:
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
                self.remaining.learn(job, outcome.seconds)
        else:
            self.remaining.discard(job.fingerprint)
            self.obstacles.add_ended(job, outcome)
            blocked = [one.job for one in self.queue.fail(step) if not one.trying]
            self.record([(one, self.blocked(one, step, outcome)) for one in blocked])
        self.observer.job_ended(job, outcome, len(self.remaining), self.remaining.seconds())

    def blocked(self, job: Job, step: Step, outcome: Outcome) -> Outcome:
        """Return the outcome of what cannot run: fits share that of their one batch, the rest waits."""
        self.remaining.discard(job.fingerprint)
        if step.trying and job.sort == "fit":
            shared = replace(outcome, fingerprint=job.fingerprint, metrics=())
            self.obstacles.add_ended(job, shared)
            return shared
        status, reason = self.obstacles.against(job)
        self.obstacles.add(job, status, reason)
        return Outcome(fingerprint=job.fingerprint, status=status, reason=reason, started=now())


@dataclass
class _Running:
    """A step on its way."""

    step: Step
    work: Work
    lock: str
    folder: Path
    started: str

    def __post_init__(self) -> None:
        self.began = time.monotonic()
