"""When what runs is looked over, and what comes of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.execute import running
from harness.execute.engines import Place, Work
from harness.execute.job import write_outcome
from harness.execute.request import Request
from harness.execute.running import Part, Running, Watch
from harness.execute.schedule import Step
from harness.plan.jobs import Job
from harness.store.records import Outcome

LIMIT = 60.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    return now


def one(began: float | None, waits_for: str = "", parts: int = 1) -> Running:
    job = Job("f" * 64, "prepare", "prepare data fog@1", {}, (), {})
    work = Work("t", Request(job, ""), Place(name="cpu0"), began=began, waits_for=waits_for)
    part = Part(Step("f", job), None, work.request)  # type: ignore[arg-type]
    return Running([part] * parts, work, "")


def test_what_runs_is_looked_at_when_the_first_of_it_is_overdue(clock: list[float]) -> None:
    watch = Watch(LIMIT)
    first, second, pair = one(1000.0), one(1010.0), one(1000.0, parts=2)
    clock[0] = 1059.9
    assert watch.overdue([first]) == []
    clock[0] = 1060.0
    assert watch.overdue([first, second, pair]) == [first]
    first.killed = True
    assert watch.next_look == 1070.0
    clock[0] = 1071.0
    assert watch.overdue([first, second, pair]) == [second]
    second.killed = True
    assert watch.next_look == 1120.0
    clock[0] = 1120.0
    assert watch.overdue([first, second, pair]) == [pair]


def test_what_has_not_begun_is_looked_at_each_second_and_is_never_overdue(
    clock: list[float],
) -> None:
    watch = Watch(LIMIT)
    waiting = one(None, "Slurm: Priority")
    watch.note_start()
    assert watch.next_look == 1001.0
    clock[0] = 1200.0
    assert watch.overdue([waiting, one(1199.0)]) == []
    assert watch.held_up == ("Slurm: Priority",) and watch.next_look == 1201.0
    waiting.work.began = 1200.5
    clock[0] = 1201.0
    assert watch.overdue([waiting, one(1199.0)]) == []
    assert watch.held_up == () and watch.next_look == 1259.0


def test_of_jobs_in_turn_each_has_the_limit_from_when_the_one_before_it_has_ended(
    clock: list[float], tmp_path: Path
) -> None:
    parts = []
    for number in range(3):
        job = Job(f"{number}", "measure", "flops net", {}, (), {})
        folder = tmp_path / str(number)
        folder.mkdir()
        parts.append(Part(Step(job.fingerprint, job), folder, Request(job, str(folder))))
    work = Work("0", parts[0].request, Place(name="cpu0"), began=1000.0)
    found = Running(parts, work, "")
    assert found.in_turn and found.deadline(LIMIT) == 1060.0
    write_outcome(Outcome(fingerprint="0", status="ok", seconds=50.0), tmp_path / "0")
    os.utime(tmp_path / "0" / "outcome.json", (0.0, 0.0))  # as if the system's clock had been set
    assert found.deadline(LIMIT) == 1060.0  # not looked into before that
    clock[0] = 1061.0
    assert found.deadline(LIMIT) == 1110.0
    found.forgive(100.0)
    clock[0] = 1161.0
    assert found.deadline(LIMIT) == 1210.0
    assert not Running(parts[:1], work, "").in_turn
