"""What is told of jobs that run for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.execute import goings_on
from harness.execute.engines import Place, Work
from harness.execute.goings_on import GoingsOn
from harness.execute.job import write_outcome
from harness.execute.request import Request
from harness.execute.running import Part, Running
from harness.execute.schedule import Step
from harness.plan.jobs import Job
from harness.store.records import Outcome


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(goings_on.time, "monotonic", lambda: now[0])
    return now


def running(began: float | None, *folders: Path, sort: str = "fit") -> Running:
    parts = []
    for folder in folders:
        folder.mkdir()
        found = Job(folder.name, sort, f"{sort} {folder.name}", {"measure": {}}, (), {})
        parts.append(Part(Step(folder.name, found), folder, Request(found, str(folder))))
    work = Work("t", parts[0].request, Place(name="cpu0"), began=began)
    return Running(parts, work, "")


def test_what_runs_for_long_is_told_each_ten_seconds_with_the_last_line_of_its_log(
    clock: list[float], tmp_path: Path
) -> None:
    long, late = running(1000.0, tmp_path / "long"), running(1005.0, tmp_path / "late")
    queued = running(None, tmp_path / "queued")
    log = tmp_path / "long" / "log.txt"
    log.write_bytes(b"x" * 9000 + b"\nepoch 1/30\nepoch 2/30, \xff loss 0.3 \n\n")
    goings = GoingsOn("quick-0001")
    assert goings.next_look == 1010.0
    clock[0] = 1009.0
    assert list(goings.look([long, late, queued])) == []
    clock[0] = 1010.0
    (told,) = goings.look([long, late, queued])
    assert (told.label, told.seconds) == ("fit long", 10.0)
    assert told.said == "epoch 2/30, \N{REPLACEMENT CHARACTER} loss 0.3"
    assert goings.next_look == 1020.0 and list(goings.look([long])) == []
    clock[0] = 1021.0
    log.unlink()
    first, second = goings.look([long, late])
    assert (first.seconds, first.said, second.seconds) == (21.0, "", 16.0)


def test_of_measures_in_turn_the_one_under_way_is_told(clock: list[float], tmp_path: Path) -> None:
    several = running(1000.0, tmp_path / "one", tmp_path / "two", sort="measure")
    assert several.in_turn
    write_outcome(Outcome(fingerprint="one", status="ok", seconds=9.0), tmp_path / "one")
    goings = GoingsOn("quick-0001")
    clock[0] = 1015.0
    assert list(goings.look([several])) == []  # it has run for six
    clock[0] = 1030.0
    (told,) = goings.look([several])
    assert (told.label, told.seconds) == ("measure two", 21.0)
