"""What is known of a run while it goes on: recorded first, then told, then drawn conclusions from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from harness.catalogue.counts import duration
from harness.catalogue.events import (
    Event,
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.catalogue.host import Host
from harness.catalogue.left_out import NOTE
from harness.execute.obstacles import Obstacles
from harness.execute.progress import Observer
from harness.execute.schedule import Queue, Step
from harness.plan.estimate import Likely, Remaining, fitting
from harness.plan.jobs import Job, Plan
from harness.store.recorder import Recorder
from harness.store.records import OK, SKIPPED, TIME_BUDGET, Outcome, now

_HEARD_AS = {
    RunStarted: "run_started",
    JobStarted: "job_started",
    JobGoesOn: "job_goes_on",
    JobFinished: "job_finished",
    RunWaits: "run_waits",
    RunFinished: "run_finished",
}


UNWANTED = "no measure is left that takes it"


class RunRecord:
    """A run's jobs and what became of them.

    remaining: jobs that are to do, and how long that takes. known_seconds: of a job, where jobs like it are known. queue: their steps. folders: {fingerprint:
    folder} of finished jobs that others need. counts: jobs by status.
    """

    def __init__(
        self, plan: Plan, recorder: Recorder, host: Host, observer: Observer, run: int, name: str
    ) -> None:
        """Take a run that the recorder has started."""
        self.plan, self.name = plan, name
        self.counts: Counter[str] = Counter()
        self.folders: dict[str, str] = {}
        self.remaining: Remaining | None = None
        self._recorder, self._host, self._observer, self._run = recorder, host, observer, run
        self._needed = {need for job in plan.jobs for need in job.needs}
        self._home = os.path.realpath(recorder.folder)
        self._obstacles = Obstacles()

    def tell(self, event: Event, to_plugins: bool = True) -> None:
        """Tell the terminal and the plugins."""
        heard_as = _HEARD_AS[type(event)]
        getattr(self._observer, heard_as)(event)
        if to_plugins:
            self._host.notify(f"harness_{heard_as}", event=event)

    def begin(
        self,
        cached: Mapping[str, int],
        likely: Likely,
        places: Mapping[str, int],
        budget: float | None = None,
        changed: Sequence[str] = (),
    ) -> None:
        """Link what is cached, record what is skipped, and say what is left.

        budget: seconds, if any. changed: files that have changed since jobs read them.
        """
        totals = places.get("cpu", 0), places.get("cuda", 0)
        to_do = [job for job in self.plan.jobs if job.fingerprint not in cached]
        self.remaining = Remaining(to_do, likely, *totals)
        self.known_seconds = likely.known
        too_long = ""
        fits = {job.fingerprint for job in to_do}
        if budget is not None:
            found = fitting(self.plan.jobs, cached, likely, *totals, budget)
            fits = {job.fingerprint for job in found}
            too_long = f"it does not fit into {TIME_BUDGET} {duration(budget)}"
        self._recorder.link(self._run, cached)
        self.counts["cached"] += len(cached)
        self._remember_folders(cached)
        skipped: list[tuple[Job, Outcome]] = []
        for job in to_do:
            reason = job.skip or self._obstacles.of(job)[1]
            if not reason and job.fingerprint not in fits:
                reason = too_long
            if reason:
                skipped.append((job, self._skip(job, reason)))
        self._record(skipped)
        done = {*cached, *(job.fingerprint for job, _ in skipped)}
        self.queue = Queue(self.plan.jobs, done, likely)
        self.tell(
            RunStarted(
                run=self.name,
                suite=self.plan.suite,
                store=str(self._recorder.folder),
                trials=self.plan.trials,
                jobs=len(self.plan.jobs),
                cached=len(cached),
                skipped=self.counts[SKIPPED],
                to_do=len(self.remaining),
                places=places,
                seconds=self.remaining.seconds(),
                changed=tuple(changed),
            )
        )
        self._tell_finished(skipped)

    def lost(self, job: Job) -> dict[str, str]:
        """Return why, of what a job needs, by fingerprint, some is not there; {} where all is."""
        return self._obstacles.lost(job)

    def leave_out(self, running: Container[str], reason: str) -> None:
        """Skip all that has not started. running: the keys of the steps that have."""
        jobs = [step.job for step in self.queue.drop(running) if not step.trying]
        skipped = [(job, self._skip(job, reason)) for job in jobs]
        self._record(skipped)
        self._tell_finished(skipped)

    def take_over(self, step: Step, made: Mapping[str, int]) -> None:
        """Use the outcome of a job that another run has made in the meantime."""
        self._recorder.link(self._run, made)
        self._remember_folders(made)
        self.counts["cached"] += 1
        self._settle(step, Outcome(fingerprint=step.job.fingerprint, status=OK), is_new=False)

    def keep(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """Record how jobs ended; of one batch that was tried there is nothing to keep."""
        self._record([(step.job, outcome) for step, outcome in ended if not step.trying])

    def end(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """Tell how jobs ended, which is recorded, and draw conclusions from it."""
        for step, outcome in ended:
            self._settle(step, outcome, is_new=not step.trying)

    def finish(self, status: str, seconds: float, joules: float | None) -> None:
        """Record and tell how the run ended."""
        counts = self.counted()
        try:
            self._recorder.finish_run(self._run, status, seconds, counts, joules)
        finally:
            self.tell(
                RunFinished(
                    run=self.name,
                    suite=self.plan.suite,
                    store=str(self._recorder.folder),
                    status=status,
                    counts=counts,
                    seconds=seconds,
                )
            )

    def counted(self) -> dict[str, int]:
        """Return the number of jobs by status, of those that there are."""
        return {name: count for name, count in self.counts.items() if count}

    def _skip(self, job: Job, reason: str) -> Outcome:
        """Take a job, and with it what needs it, off what is to do."""
        assert self.remaining is not None
        self._obstacles.add(job, SKIPPED, reason)
        self.remaining.discard(job.fingerprint)
        return Outcome(fingerprint=job.fingerprint, status=SKIPPED, reason=reason)

    def _remember_folders(self, outcomes: Mapping[str, int]) -> None:
        needed = {key: outcome for key, outcome in outcomes.items() if key in self._needed}
        folders = self._recorder.folders_of(needed.values())
        for fingerprint, outcome in needed.items():
            self.folders[fingerprint] = str(folders[outcome].resolve())

    def _record(self, ended: Sequence[tuple[Job, Outcome]]) -> None:
        """Make outcomes durable."""
        if not ended:
            return
        self._recorder.add_outcomes(self._run, [outcome for _, outcome in ended])
        for job, outcome in ended:
            if outcome.status == OK and job.fingerprint in self._needed:
                self.folders[job.fingerprint] = os.path.join(self._home, outcome.folder)
            self.counts[outcome.status] += 1

    def _settle(self, step: Step, outcome: Outcome, is_new: bool) -> None:
        """Let go what waited for a step, or block it, and tell of all that has ended by that.

        is_new: it is an outcome of this run. Plugins are told of no other, nor of batches that are tried.
        """
        assert self.remaining is not None
        job, blocked = step.job, list[tuple[Job, Outcome]]()
        if outcome.status == OK:
            self.queue.succeed(step)
            if not step.trying:
                self.remaining.discard(job.fingerprint)
                self.remaining.learn(job, outcome.seconds)
        else:
            self.remaining.discard(job.fingerprint)
            self._obstacles.add_ended(job, outcome)
            halted = [one.job for one in self.queue.fail(step) if not one.trying]
            blocked = [(one, self._blocked(one, step, outcome)) for one in halted]
            if step.trying:
                unwanted = [one.job for one in self.queue.drop_unwanted()]
                blocked += [(one, self._skip(one, UNWANTED)) for one in unwanted]
            self._record(blocked)
        self._tell_finished([(job, outcome)], step.trying, is_new)
        self._tell_finished(blocked)

    def _tell_finished(
        self, ended: Iterable[tuple[Job, Outcome]], trying: bool = False, is_new: bool = True
    ) -> None:
        assert self.remaining is not None
        for job, outcome in ended:
            self.tell(
                JobFinished(
                    run=self.name,
                    fingerprint=job.fingerprint,
                    sort=job.sort,
                    label=job.label,
                    status=outcome.status,
                    reason=outcome.reason or "; ".join(outcome.notes.get(NOTE, ())),
                    seconds=outcome.seconds,
                    metrics=outcome.metrics,
                    trying=trying,
                    jobs_left=len(self.remaining),
                    seconds_left=self.remaining.seconds(),
                ),
                to_plugins=is_new,
            )

    def _blocked(self, job: Job, step: Step, outcome: Outcome) -> Outcome:
        """Return the outcome of what cannot run: fits share that of their one batch, and measures what one of them refused."""
        assert self.remaining is not None
        self.remaining.discard(job.fingerprint)
        if step.trying and job.sort == step.job.sort:
            shared = replace(outcome, fingerprint=job.fingerprint, metrics=())
            self._obstacles.add_ended(job, shared)
            return shared
        status, reason = self._obstacles.of(job)
        self._obstacles.add(job, status, reason)
        return Outcome(fingerprint=job.fingerprint, status=status, reason=reason, started=now())
