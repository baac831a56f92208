"""One execution of one plan: what is cached is linked, the rest is scheduled, all of it recorded."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.catalogue.counts import counted
from harness.catalogue.host import Host
from harness.catalogue.references import call
from harness.errors import HarnessError
from harness.execute.cached import find_cached
from harness.execute.circumstances import RunCircumstances
from harness.execute.engine_start import engine_setting
from harness.execute.engines import RunningEngine
from harness.execute.interrupts import Interrupted, Interrupts
from harness.execute.progress import Observer, make_observer
from harness.execute.run_loop import RunLoop
from harness.execute.run_record import RunRecord
from harness.machine.devices import gpus
from harness.machine.energy import metered
from harness.machine.invocation import describe_invocation
from harness.machine.machines import places_of
from harness.plan.estimate import Likely
from harness.plan.jobs import Plan
from harness.plan.names import choose_one
from harness.store.recorder import Recorder


@dataclass(frozen=True)
class RunSummary:
    """How a run ended. counts: jobs by status; "cached" are those that were ok before."""

    run: int
    name: str
    counts: Mapping[str, int]
    seconds: float


def run_plan(
    plan: Plan,
    store: Recorder,
    host: Host,
    *,
    written: Mapping[str, Any] | None = None,
    fresh: Sequence[str] = (),
    observer: Observer | None = None,
    engine: str = "local",
    budget: float | None = None,
) -> RunSummary:
    """Run what is not cached, record every outcome, and return how it ended.

    engine: the name of one, with options: "local", or "pool:workers=3" of a plugin. budget: seconds; what
    does not fit into them is skipped, and what has not started when they are over.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; what is finished is kept and the next run goes on.
        StoreError: The store failed (a full disk); what is finished is kept.
        UnknownNameError: There is no such engine.
    """
    chosen = choose_one(host.catalogue, "engine", engine)
    known_outcomes = store.latest_outcome()
    likely = Likely(store.durations(), store.lengths(), plan.extents)
    found = find_cached(plan, store, fresh)
    cached = found.outcomes
    started = time.perf_counter()
    with metered("cpu", *(("cuda",) if gpus() else ())) as joules:
        number, name = store.start_run(plan, written or {}, describe_invocation())
        record = RunRecord(plan, store, host, observer or make_observer(), number, name)
        left = [job for job in plan.jobs if job.fingerprint not in cached and not job.skip]
        interrupts, status = Interrupts(), "interrupted"
        try:
            with interrupts, contextlib.ExitStack() as stack:
                places: Mapping[str, int] = {}
                if left:
                    setting = engine_setting(plan, left, host, store, name)
                    running: RunningEngine = call(
                        chosen.item.start,  # type: ignore[attr-defined]
                        setting=setting,
                        options=chosen.model(),
                    )
                    stack.callback(running.close)
                    places = places_of(running.machines)
                record.begin(cached, likely, places, budget, found.changed)
                if record.remaining:
                    circumstances = RunCircumstances(
                        found.states, found.fresh, name, known_outcomes, host.catalogue
                    )
                    RunLoop(
                        plan, store, record, running, interrupts, circumstances, budget
                    ).work_through()
            status = "completed"
        except KeyboardInterrupt:
            jobs_left = len(left) if record.remaining is None else len(record.remaining)
            raise Interrupted(
                f"{name} was interrupted; {counted(jobs_left, 'job is', 'jobs are')} left, all others are kept: run the same "
                "command again to go on"
            ) from None
        finally:
            seconds = time.perf_counter() - started
            broken = status != "completed"  # then the store may be what failed
            with contextlib.suppress(HarnessError) if broken else contextlib.nullcontext():
                record.finish(status, seconds, joules())
    return RunSummary(number, name, record.counted(), seconds)
