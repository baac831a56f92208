"""The loop of a run, with an engine that works in this process: waits, budgets, time that nobody had."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import inline_engine
import pytest

from harness.catalogue.events import Event, JobFinished, JobStarted, RunWaits
from harness.catalogue.host import Host, PluginChoice
from harness.errors import HarnessError, StoreError
from harness.execute import running, waits
from harness.execute.run import RunSummary, run_plan
from harness.execute.waits import overslept
from harness.plan.jobs import Job, Plan
from harness.store.records import KEPT, Outcome
from harness.store.store import Store

HARDWARE = {
    "cpu_slots": 1,
    "threads": 1,
    "memory_limit": None,
    "time_limit": 60.0,
    "checkpoint_every": 300.0,
}


class Noting:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def __getattr__(self, name: str) -> Any:
        return self.told.append


@pytest.fixture
def host() -> Host:
    """Plugins, the engine of the tests among them."""
    return Host(PluginChoice(files=(inline_engine.__file__,)))


def job(number: int, prefix: str = "", sort: str = "measure", **more: Any) -> Job:
    fingerprint = f"{number}{prefix}".ljust(64, "0")
    return Job(fingerprint, sort, f"flops net{number}", more.pop("spec", {}), (), {}, **more)


def run(
    host: Host, store: Store, jobs: Sequence[Job], **more: Any
) -> tuple[RunSummary, list[Event]]:
    noting = Noting()
    plan = Plan("some", tuple(jobs), 0, HARDWARE)
    done = run_plan(plan, store, host, observer=noting, engine="inline", **more)  # type: ignore[arg-type]
    return done, noting.told


def test_a_run_says_what_it_waits_for(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = "throughput x of r-1 (process 7, store s), which runs alone"
    monkeypatch.setattr(waits, "_SILENT_SECONDS", 0.1)
    inline_engine.HELD.append(theirs)

    class Freeing(Noting):
        def run_waits(self, event: RunWaits) -> None:
            self.told.append(event)
            inline_engine.HELD.clear()

    noting = Freeing()
    plan = Plan("some", tuple(job(n) for n in range(3)), 0, HARDWARE)
    with Store(tmp_path) as store:
        done = run_plan(plan, store, host, observer=noting, engine="inline")  # type: ignore[arg-type]
    told = noting.told
    assert done.counts == {"ok": 3}
    first, last = (event for event in told if isinstance(event, RunWaits))
    assert first.waits_for == (theirs,) and first.run == "some-0001"
    assert last.waits_for == () and last.seconds >= first.seconds >= 0.1
    kinds = [type(event).__name__ for event in told]
    assert kinds[:2] == ["RunStarted", "RunWaits"] and kinds[-1] == "RunFinished"


def test_a_run_says_what_a_job_waits_for_at_its_place_though_nothing_ends(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(inline_engine, "HELD_UP", ["yes"])

    class Freeing(Noting):
        def run_waits(self, event: RunWaits) -> None:
            self.told.append(event)
            inline_engine.HELD_UP.clear()

    noting = Freeing()
    plan = Plan("some", (job(1, spec={"held": "Slurm: Resources"}),), 0, HARDWARE)
    with Store(tmp_path) as store:
        done = run_plan(plan, store, host, observer=noting, engine="inline")  # type: ignore[arg-type]
    assert done.counts == {"ok": 1}
    said = [event.waits_for for event in noting.told if isinstance(event, RunWaits)]
    assert said == [("Slurm: Resources",), ()]


CLAIMING = """
import sys
from harness.plan.jobs import Job, Plan
from harness.store.store import Store
store = Store(sys.argv[1])
number, name = store.start_run(Plan("other", (), 0, {}), {})
store.claim(sys.argv[2])
print(name, flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system must tell who holds a lock")
def test_a_run_says_who_does_its_job_already(host: Host, tmp_path: Path) -> None:
    mine = job(1)
    with (
        Store(tmp_path) as store,
        subprocess.Popen(
            [sys.executable, "-c", CLAIMING, str(tmp_path), mine.fingerprint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        assert other.stdout is not None and other.stdout.readline() == "other-0001\n"
        assert not store.claim(mine.fingerprint)
        assert store.claimant(mine.fingerprint) == f"other-0001 (process {other.pid})"
        seen: list[Event] = []

        class Releasing(Noting):
            def run_waits(self, event: RunWaits) -> None:
                seen.append(event)
                other.kill()  # what it held, it holds no more

        plan = Plan("some", (mine,), 0, HARDWARE)
        done = run_plan(plan, store, host, observer=Releasing(), engine="inline")  # type: ignore[arg-type]
    assert done.counts == {"ok": 1}
    assert isinstance(seen[0], RunWaits)
    assert seen[0].waits_for == (f"flops net1, which other-0001 (process {other.pid}) does",)


def statuses(told: Sequence[Event]) -> dict[str, str]:
    return {event.label: event.status for event in told if isinstance(event, JobFinished)}


def reasons(told: Sequence[Event]) -> set[str]:
    return {event.reason for event in told if isinstance(event, JobFinished) and event.reason}


def test_what_does_not_fit_into_a_budget_is_skipped_and_done_later(
    host: Host, tmp_path: Path
) -> None:
    jobs = [job(n) for n in range(4)]  # a measure that nothing is known of is taken for some 0.65 s
    with Store(tmp_path) as store:
        done, told = run(host, store, jobs, budget=1.5)
        assert done.counts == {"ok": 2, "skipped": 2}
        assert reasons(told) == {"it does not fit into the time budget of 2 s"}
        again, _ = run(host, store, jobs)
    assert again.counts == {"cached": 2, "ok": 2}


def test_what_has_not_started_when_a_budget_is_over_is_skipped(host: Host, tmp_path: Path) -> None:
    known = [job(n, "a") for n in range(4)]
    slow = [job(n, "b", spec={"seconds": 0.4}) for n in range(4)]  # 0.16 s by what is known
    with Store(tmp_path) as store:
        run(host, store, known)
        started = time.monotonic()
        done, told = run(host, store, slow, budget=0.7)
        assert time.monotonic() - started < 1.5
    assert done.counts == {"ok": 2, "skipped": 2}
    assert list(statuses(told).values()) == ["ok", "ok", "skipped", "skipped"]
    assert "the time budget of 1 s was over before it could start" in reasons(told)


def test_time_that_nobody_had_is_forgiven() -> None:
    assert overslept(None, 100.0) == 0.0
    assert overslept(10.0, 10.2) == 0.0
    assert overslept(10.0, 14.0) == 0.0  # a slow machine is no sleep
    assert overslept(10.0, 3610.0) == 3600.0


def test_a_job_that_is_lost_starts_again_from_where_it_was_kept(
    host: Host, tmp_path: Path, logged: list[logging.LogRecord]
) -> None:
    jobs = [job(1, spec={"lost": 2}), job(2)]
    with Store(tmp_path) as store:
        done, told = run(host, store, jobs)
    assert done.counts == {"ok": 2}
    started = [event.label for event in told if isinstance(event, JobStarted)]
    assert sorted(started) == ["flops net1"] * 3 + ["flops net2"]
    finished = [event.label for event in told if isinstance(event, JobFinished)]
    assert sorted(finished) == ["flops net1", "flops net2"]
    (attempt,) = (tmp_path / "jobs" / jobs[0].fingerprint).iterdir()  # the others are gone
    assert (attempt / KEPT).read_text() == "2"
    assert logged[0].getMessage() == "flops net1 was lost: its machine is gone; it starts again"


class Recording(Store):
    """A store that says what it records; where the disk is full, as `check_space` hears, it fails."""

    def __init__(self, folder: Path, told: list[Event | list[str]]) -> None:
        super().__init__(folder)
        self.told = told

    def add_outcomes(self, run: int, outcomes: Sequence[Outcome]) -> None:
        super().add_outcomes(run, outcomes)
        self.told.append([one.status for one in outcomes])

    def check_space(self, reason: str) -> None:
        if "No space" in reason:
            raise StoreError(reason)


@pytest.mark.parametrize("reason", ["it is broken", "No space left on device"])
def test_what_ends_at_once_is_recorded_at_once_and_what_is_not_ok_after_that(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(inline_engine, "AT_ONCE", [4])
    jobs = [job(1, spec={"failed": reason}), *(job(n) for n in range(2, 5))]
    plan = Plan("some", tuple(jobs), 0, HARDWARE)

    class Looking(Noting):
        def job_finished(self, event: JobFinished) -> None:
            self.told.append(event)
            folder = tmp_path / "jobs" / event.fingerprint  # engines take it for a recorded outcome
            assert not list(folder.rglob("request.json"))

    noting = Looking()
    with Recording(tmp_path, noting.told) as store:  # type: ignore[arg-type]
        is_full = "space" in reason
        with pytest.raises(StoreError) if is_full else contextlib.nullcontext():
            run_plan(plan, store, host, observer=noting, engine="inline")  # type: ignore[arg-type]
        assert set(store.finished([one.fingerprint for one in jobs])) == {
            one.fingerprint for one in jobs[1:]
        }
    told = [
        event.status if isinstance(event, JobFinished) else event
        for event in noting.told
        if isinstance(event, JobFinished | list)
    ]
    ok = ["ok"] * 3
    assert told == [ok, *ok, *([] if is_full else [["failed"], "failed"])]


def test_a_run_without_a_machine_of_the_kind_that_it_was_planned_for_says_so(
    host: Host, tmp_path: Path
) -> None:
    jobs = (job(1), job(2, exclusive=True))
    plan = Plan("some", jobs, 0, HARDWARE, timed_on={"cpu": {"cpu": "Alpha 21164", "cores": 3}})
    message = "1 step is left .*no machine any more with cpu Alpha 21164, cores 3"
    with Store(tmp_path) as store:
        with pytest.raises(HarnessError, match=message):
            run_plan(plan, store, host, observer=Noting(), engine="inline")  # type: ignore[arg-type]
        assert set(store.finished([one.fingerprint for one in jobs])) == {jobs[0].fingerprint}
