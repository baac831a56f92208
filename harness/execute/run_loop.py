"""The loop of a run: starts what can start, waits for what ends, hands each outcome to the record."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.catalogue.counts import counted, duration
from harness.catalogue.events import JobStarted
from harness.errors import HarnessError
from harness.execute.circumstances import RunCircumstances
from harness.execute.copies import CopyRoom
from harness.execute.engines import Busy, Displaced, Ended, Place, RunningEngine, Work
from harness.execute.goings_on import GoingsOn
from harness.execute.interrupts import Interrupts
from harness.execute.job import read_outcome
from harness.execute.request import Request
from harness.execute.run_record import RunRecord
from harness.execute.running import Part, Running, Watch
from harness.execute.schedule import Step
from harness.execute.timed_machines import TimedMachines
from harness.execute.waits import Waits, overslept
from harness.machine.machines import places_of
from harness.plan.jobs import Job, Plan
from harness.store.disk import explained
from harness.store.recorder import Recorder
from harness.store.records import (
    CRASHED,
    KEPT,
    OK,
    OOM,
    SKIPPED,
    TIME_BUDGET,
    TIMEOUT,
    Outcome,
    now,
)

_log = logging.getLogger("harness.engine")
_RETRY_SECONDS = 0.3  # between looks at what another run holds
_DEVICES = ("cuda", "cpu")
_OF_PROCESS = (CRASHED, OOM, TIMEOUT)  # how a process ends, whatever jobs it did


class RunLoop:
    """Starts what can start, waits for what ends, kills what is overdue, until nothing is left."""

    def __init__(
        self,
        plan: Plan,
        store: Recorder,
        record: RunRecord,
        engine: RunningEngine,
        interrupts: Interrupts,
        circumstances: RunCircumstances,
        budget: float | None,
    ) -> None:
        """Take what is to be done (the record's queue), where, and where it is kept. budget: seconds for all of it."""
        self.store, self.record, self.engine, self.interrupts = store, record, engine, interrupts
        self.circumstances = circumstances
        self.queue = record.queue
        self.time_limit = float(plan.hardware["time_limit"])
        self.keep_every = float(plan.hardware["checkpoint_every"])
        self.budget, self.budget_end = budget, time.monotonic() + (budget or 0.0)
        self.running: dict[str, Running] = {}
        self.alone: set[str] = set()  # keys of steps that left nothing where they ran with others
        self.waits, self.goings_on = Waits(record.name), GoingsOn(record.name)
        self.room = CopyRoom(plan.hardware.get("copies"), store.folder)
        self.timed = TimedMachines(plan.timed_on)
        self.lacks = ""  # the kind of machine that a job is planned for and the engine has no more
        self.watch = Watch(self.time_limit)

    def work_through(self) -> None:
        """Work until nothing is left of the record's queue, or the time budget is over.

        Raises:
            HarnessError: Steps are left, and none can start.
            StoreError: The store failed (a full disk).
        """
        try:
            while len(self.queue):
                waits_for = self.start_ready()
                if event := self.waits.look([*waits_for, *self.watch.held_up]):
                    self.record.tell(event)
                if not len(self.queue):
                    return  # other runs have done the rest
                if not self.running and not waits_for:
                    raise HarnessError(
                        f"{counted(len(self.queue), 'step is', 'steps are')} left and none can start{self.lacks}"
                    )
                timeout, before = self.timeout(bool(waits_for)), time.monotonic()
                news = list(self.engine.wait(timeout))
                with self.interrupts.held():
                    for one in news:
                        if isinstance(one, Displaced):
                            self.start_over(one)
                    ends = [one for one in news if isinstance(one, Ended)]
                    for is_ok in (True, False):  # what is not may say that the disk is full
                        self.end([one for one in ends if one.outcome.is_ok is is_ok])
                self.forgive(overslept(timeout, time.monotonic() - before))
                self.kill_overdue()
                for going_on in self.goings_on.look(self.running.values()):
                    self.record.tell(going_on, to_plugins=not going_on.trying)
                if self.budget is not None and time.monotonic() >= self.budget_end:
                    over = f"{TIME_BUDGET} {duration(self.budget)} was over before it could start"
                    self.record.leave_out(self.keys(), over)
        finally:
            for running in self.running.values():
                for part in running.parts:
                    self.store.discard(part.folder)

    def keys(self) -> set[str]:
        """Return the keys of the steps that run."""
        return {part.step.key for running in self.running.values() for part in running.parts}

    def start_ready(self) -> list[str]:
        """Start all that can start; return what of other runs keeps the rest from it, in words.

        Of a device, what must run alone starts when this run has nothing else that could start there.
        """
        waits_for: list[str] = []
        for device in _DEVICES:
            held_up = list(self.start_sort(device, exclusive=False))
            if held_up or not self.queue.has_ready(device, False):
                held_up += self.start_sort(device, exclusive=True)
            waits_for += held_up
        return waits_for

    def start_sort(self, device: str, exclusive: bool) -> Iterator[str]:
        """Start the steps of a device; yield what of other runs keeps some from it."""
        held: list[Step] = []
        while self.queue.has_ready(device, exclusive):
            step = self.queue.take(device, exclusive)
            with self.interrupts.held():
                busy = self.start(step)
            if busy is None:
                continue
            held.append(step)
            if busy.waits_for:
                yield busy.waits_for
            if not isinstance(busy, _Claimed):
                break  # there is no place for others either
        for step in held:
            self.queue.put_back(step)

    def start(self, step: Step) -> Busy | None:
        """Start a step, or take over its outcome where another run has made it; else say what is busy."""
        job = step.job
        if not self.store.claim(job.fingerprint):
            return _Claimed(f"{job.label}, which {self.store.claimant(job.fingerprint)} does")
        if self.took_over(step):
            return None
        place = self.reserve(job)
        if isinstance(place, Busy):
            self.store.release(job.fingerprint)
            return place
        self.timed.settle(job, place.machine)
        with explained(self.store.folder):
            self.submit([step, *self.companions(step, place)], place)
        return None

    def reserve(self, job: Job) -> Place | Busy:
        """Take a place where a job may run."""
        machines = self.timed.allowed(job, self.engine.machines)
        if machines is None:
            self.lacks = f": the engine has no machine any more with {self.timed.words(job)}"
            return Busy()
        return self.engine.reserve(job, machines)

    def took_over(self, step: Step) -> bool:
        """Use the outcome of a step that is claimed, where another run has made it in the meantime."""
        job = step.job
        made = None
        if not step.trying:
            made = self.circumstances.made_elsewhere(job, self.store, self.record.lost(job))
        if made is None:
            return False
        self.store.release(job.fingerprint)
        self.record.take_over(step, {job.fingerprint: made})
        return True

    def companions(self, step: Step, place: Place) -> list[Step]:
        """Take, and claim, the steps that the process of a step does beside it.

        On another machine it does none: what it leaves comes from there folder by folder.
        """
        if step.key in self.alone or place.machine:
            return []
        found, places = [], places_of(self.engine.machines)[step.job.device]
        for other in self.queue.take_alike(step, max(places, 1)):
            if other.key in self.alone or not self.store.claim(other.job.fingerprint):
                self.queue.put_back(other)
            elif not self.took_over(other):
                found.append(other)
        return found

    def submit(self, steps: Sequence[Step], place: Place) -> None:
        """Start a step at a place, and others that its process does."""
        parts = [self.part(step) for step in steps]
        first, *others = (part.request for part in parts)
        request = replace(first, also=tuple(others))
        work = Work(
            steps[0].key,
            request,
            place,
            limit=self.time_limit * len(parts),
            likely=None if first.trying else self.record.known_seconds(first.job),
        )
        self.running[work.token] = Running(parts, work, now())
        self.engine.submit(work)
        self.watch.note_start()
        for step in steps:
            self.record.tell(
                JobStarted(
                    run=self.record.name,
                    fingerprint=step.job.fingerprint,
                    sort=step.job.sort,
                    label=step.job.label,
                    place=place.name,
                    trying=step.trying,
                ),
                to_plugins=not step.trying,  # it has no outcome of its own to announce
            )

    def part(self, step: Step) -> Part:
        """Return a step with a new folder, and what its process is told of it."""
        job = step.job
        folder = self.store.new_attempt(job.fingerprint, fresh=self.circumstances.is_fresh(job))
        needs = {
            need: self.record.folders[need] for need in job.needs if need in self.record.folders
        }
        streamed = self.room.has_none_for(job, needs)
        whole, lost = str(folder.resolve()), self.record.lost(job)
        request = Request(job, whole, needs, step.trying, streamed=streamed, lost=lost)
        if job.sort == "fit" and not step.trying:
            request = replace(
                request,
                keep=os.path.join(whole, KEPT),
                keep_every=self.keep_every,
            )
        return Part(step, folder, request)

    def timeout(self, waiting: bool) -> float | None:
        """Return how long to wait for a job to end: until the next deadline, or something is to be told, without polling."""
        deadlines = [self.watch.next_look, self.goings_on.next_look] if self.running else []
        if self.budget is not None and len(self.queue) > len(self.keys()):
            deadlines.append(self.budget_end)
        times = [max(0.0, min(deadlines) - time.monotonic())] if deadlines else []
        if waiting:
            times.append(_RETRY_SECONDS)
        return min(times) if times else None

    def forgive(self, seconds: float) -> None:
        """Do not count time that passed while nothing ran against the jobs' time limits."""
        if not seconds:
            return
        for running in self.running.values():
            running.forgive(seconds)

    def kill_overdue(self) -> None:
        """Kill what has run longer than the suite's time limit."""
        for running in self.watch.overdue(self.running.values()):
            running.killed = True
            limit = f"its time limit of {self.time_limit:g} s"
            self.engine.kill(running.work.token, f"it took longer than {limit} and was killed")

    def start_over(self, displaced: Displaced) -> None:
        """Put a job back that has no place any more: it starts again when there is one, from where it was kept."""
        running = self.running.pop(displaced.token)
        for part in running.parts:
            job = part.step.job
            _log.warning("%s was lost: %s; it starts again", job.label, displaced.reason)
            self.store.discard(part.folder)
            self.store.release(job.fingerprint)
            self.queue.put_back(part.step)

    def end(self, ends: Sequence[Ended]) -> None:
        """Take in how jobs' processes ended: record it first, all at once, then tell."""
        ended, again = [], []
        parts = [part for end in ends for part in self.running[end.token].parts]
        for end in ends:
            running = self.running[end.token]
            for part in running.parts:
                left = end.outcome if part is running.parts[0] else read_outcome(part.folder)
                if len(running.parts) > 1 and _runs_again(left, running.in_turn):
                    again.append(part)
                    if left is not None or not running.in_turn:  # what had no turn has done no harm
                        self.alone.add(part.step.key)
                elif left is not None:
                    ended.append((part.step, self.completed(running, part, left)))
        self.record.keep(ended)
        with explained(self.store.folder):
            for part in parts:  # at once: engines take its absence for a recorded outcome
                (part.folder / "request.json").unlink(missing_ok=True)
        self.record.end(ended)
        for end in ends:  # not before it is recorded: what fails until then is tidied up
            del self.running[end.token]
        for part in parts:
            self.store.release(part.step.job.fingerprint)
        for part in again:  # alone: so it shows which of them has brought their process down
            self.store.discard(part.folder)
            self.queue.put_back(part.step)

    def completed(self, running: Running, part: Part, outcome: Outcome) -> Outcome:
        """Return the outcome of a part as it is recorded; what its process has said is taken away."""
        if not outcome.is_ok:
            self.store.check_space(outcome.reason)
        with explained(self.store.folder):
            (part.folder / "outcome.json").unlink(missing_ok=True)
        job, machine = part.step.job, running.work.place.machine
        if machine and outcome.environment:
            outcome = replace(outcome, environment={**outcome.environment, "machine": machine})
        outcome = replace(
            outcome,
            folder=str(part.folder.relative_to(self.store.folder)),
            started=outcome.started or running.started,
            seconds=outcome.seconds or time.monotonic() - running.submitted,
            shared=not job.exclusive,
        )
        if not part.step.trying:
            return self.circumstances.complete(job, outcome, part.request.lost)
        if outcome.is_ok:
            self.store.discard(part.folder)
        return outcome


def _runs_again(left: Outcome | None, in_turn: bool) -> bool:
    """Whether a job that did not have its process for itself runs again, for what it left there.

    What has ended the process, or may have, could have been done by another. In turn, so could all that is not ok; but for a
    job that was killed as its own time was over.
    """
    if left is None or not in_turn:
        return left is None or left.status in _OF_PROCESS
    return left.status not in (OK, SKIPPED, TIMEOUT)


class _Claimed(Busy):
    """Another run does this very job; other jobs may start all the same."""
