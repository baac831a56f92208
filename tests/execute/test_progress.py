"""What a person sees: plain lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from harness_process import PATIENCE, Workplace
from rich.console import Console

from harness.catalogue.events import (
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.execute.progress import LineProgress, LiveProgress, headline, make_observer

STARTED = RunStarted(
    run="quick-0001",
    suite="quick",
    store="runs",
    trials=15,
    jobs=88,
    cached=3,
    skipped=0,
    to_do=85,
    places={"cpu": 2, "cuda": 0},
    seconds=83.0,
)
JOB = {"run": "quick-0001", "fingerprint": "f", "sort": "fit", "label": "fit [bold]x#0"}
FINISHED = RunFinished(
    run="quick-0001", suite="quick", store="runs", status="completed", counts={}, seconds=1.0
)
BEGUN = JobStarted(**JOB, place="cpu0")


def ended(status: str, left: int, seconds: float, reason: str = "") -> JobFinished:
    return JobFinished(**JOB, status=status, reason=reason, jobs_left=left, seconds_left=seconds)


def waits(*sentences: str, seconds: float = 5.0) -> RunWaits:
    return RunWaits(run="quick-0001", waits_for=sentences, seconds=seconds)


def test_the_first_line_says_what_will_be_done() -> None:
    assert headline(STARTED) == (
        "quick-0001: 15 trials, 88 jobs, 3 cached; 2 CPU slots; about 83 s"
    )
    more = replace(STARTED, skipped=2, places={"cpu": 2, "cuda": 4}, seconds=7300)
    assert headline(more).endswith("3 cached, 2 skipped; 2 CPU slots, 4 GPUs; about 2:01 h")
    assert headline(replace(STARTED, places={})).endswith("3 cached; about 83 s")
    one = replace(STARTED, trials=1, jobs=1, places={"cpu": 1, "cuda": 1})
    assert ": 1 trial, 1 job, 3 cached; 1 CPU slot, 1 GPU; about" in headline(one)


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    observer = make_observer(Console(file=file, width=20))
    assert isinstance(observer, LineProgress)
    observer.run_started(STARTED)
    observer.job_started(BEGUN)
    observer.job_finished(ended("ok", 84, 80.0))
    for _ in range(3):
        observer.job_finished(ended("failed", 83, 80.0, "[red]a reason[/red] " * 5))
    monkeypatch.setattr("harness.execute.progress._LINE_SECONDS", 0.0)
    observer.job_finished(ended("ok", 60, 50.0))
    observer.run_finished(FINISHED)
    first, failed, line = file.getvalue().splitlines()
    assert first.startswith("quick-0001: 15 trials")
    assert failed.startswith("failed: fit [bold]x#0: [red]a reason[/red] [red]a reason[/red]")
    assert line == "25/85 jobs, about 50 s left; last: fit [bold]x#0"


def test_what_a_measure_will_leave_out_is_said_beforehand_and_once() -> None:
    file = io.StringIO()
    observer = make_observer(Console(file=file, width=20))
    few = "conformal sets take 9 examples"
    for status, trying in (("ok", True), ("ok", True), ("skipped", True), ("ok", False)):
        observer.job_finished(replace(ended(status, 84, 80.0, few), trying=trying))
    assert file.getvalue().splitlines() == [
        f"left out: fit [bold]x#0: {few}",
        f"skipped: fit [bold]x#0: {few}",
    ]


def test_a_wait_is_said_once_a_minute_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    observer = LineProgress(Console(file=file, width=20))
    observer.run_waits(waits("[a] of r-1 (process 7)", "b"))
    observer.run_waits(waits("[c] of r-1 (process 7)", seconds=9.0))
    monkeypatch.setattr("harness.execute.progress._WAIT_SECONDS", 0.0)
    observer.run_waits(waits("[d] of r-1 (process 7)", seconds=75.0))
    observer.run_waits(waits(seconds=80.0))
    observer.run_waits(waits(seconds=80.0))
    assert file.getvalue().splitlines() == [
        "waits for [a] of r-1 (process 7) and 1 more (for 5 s so far)",
        "waits for [d] of r-1 (process 7) (for 75 s so far)",
        "goes on after 80 s",
    ]


def test_a_long_job_is_said_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    observer = LineProgress(Console(file=file, width=20))
    on = JobGoesOn(
        **JOB, seconds=150.0, said="epoch [12]/167, \x1b[31mtrain loss 0.3, " + "more " * 30
    )
    observer.job_goes_on(on)
    assert file.getvalue() == ""  # something was said just now
    monkeypatch.setattr("harness.execute.progress._LONG_SECONDS", 0.0)
    observer.job_goes_on(on)
    observer.job_goes_on(replace(on, said="", trying=True))
    one, other = file.getvalue().splitlines()
    assert (
        one.startswith(r"fit [bold]x#0: epoch [12]/167, \x1b[31mtrain loss 0.3, more")
        and len(one) < 120
    )
    assert one.endswith("(2:30 min so far)")
    assert other == "try fit [bold]x#0 (2:30 min so far)"


def test_a_bar_shows_how_far_what_runs_is() -> None:
    file = io.StringIO()
    observer = LiveProgress(Console(file=file, width=160, force_terminal=True, color_system=None))
    observer.run_started(STARTED)
    observer.job_started(BEGUN)
    observer.job_goes_on(JobGoesOn(**JOB, seconds=150.0, said="epoch [12]/167, loss 0.3"))
    observer.job_goes_on(JobGoesOn(**{**JOB, "fingerprint": "gone"}, seconds=1.0, said="late"))
    observer._live.refresh()
    assert "fit [bold]x#0: epoch [12]/167" in file.getvalue() and "loss" not in file.getvalue()
    assert "late" not in file.getvalue()
    observer.run_finished(FINISHED)


def test_a_bar_in_a_terminal() -> None:
    file = io.StringIO()
    observer = make_observer(Console(file=file, width=120, force_terminal=True, color_system=None))
    assert isinstance(observer, LiveProgress)
    observer.run_started(STARTED)
    observer.job_started(replace(BEGUN, trying=True))
    for _ in range(3):
        observer.job_finished(ended("crashed", 60, 50.0, "[red] it crashed"))
    observer.job_started(replace(BEGUN, place="cpu1"))
    observer._live.refresh()
    text = file.getvalue()
    assert text.count("crashed: fit [bold]x#0: [red] it crashed") == 1
    assert "25/85" in text and "about 50 s left" in text and "fit [bold]x#0" in text

    observer.job_finished(ended("ok", 1, 1.0))
    observer.run_waits(waits("[a] of r-1 (process 7)"))
    observer._live.refresh()
    last = file.getvalue()[len(text) :]
    assert "84/85 waiting" in last and "about 1 s left" not in last.rpartition("84/85")[2]
    assert "waits for [a] of r-1 (process 7) (for 5 s so far)" in last
    observer.run_waits(waits())
    observer._live.refresh()
    assert "about 1 s left" in file.getvalue().rpartition("84/85")[2]
    observer.run_finished(FINISHED)


def test_a_bar_with_nothing_to_do_is_not_drawn() -> None:
    file = io.StringIO()
    observer = LiveProgress(Console(file=file, width=120, force_terminal=True))
    observer.run_started(replace(STARTED, to_do=0))
    observer.run_finished(FINISHED)
    assert "quick-0001" in file.getvalue()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it needs a pseudo-terminal")
def test_a_whole_run_in_a_terminal(workplace: Workplace) -> None:
    workplace.write(
        "one.toml",
        (workplace.folder / "small.toml").read_text().replace('["mlp", "lenet"]', '["mlp"]'),
    )
    ours, theirs = pty.openpty()
    environment = workplace.environment(COLUMNS="110", LINES="24", TERM="xterm-256color")
    process = subprocess.Popen(
        workplace.command("run", "one.toml", "--store", "store"),
        cwd=workplace.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text = read_all(ours)
    assert process.wait(PATIENCE) == 0, text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "small-0001: 2 trials, 10 jobs, 0 cached" in plain
    assert re.search(r"\d+/10 about \d+ s left", plain), plain
    assert re.search(r"left .*(prepare|fit|accuracy|shift|flops)", plain), plain
    assert "Jobs: 10 ok." in plain


def read_all(handle: int) -> str:
    """Read what comes from a terminal until it is closed."""
    parts = []
    while True:
        try:
            part = os.read(handle, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(handle)
    return b"".join(parts).decode(errors="replace")


def test_time_left_shrinks_as_jobs_end() -> None:
    from harness.plan.estimate import Likely, Remaining
    from harness.plan.jobs import Job

    jobs = [
        Job(fingerprint=str(n), sort="measure", label=f"flops m#{n}", spec={}, needs=(), axes={})
        for n in range(10)
    ]
    remaining = Remaining(jobs, Likely({"flops m#0": 1.0}), 2, 0)
    seen = [remaining.seconds()]
    for one in jobs:
        remaining.discard(one.fingerprint)
        seen.append(remaining.seconds())
    assert seen == sorted(seen, reverse=True) and seen[-1] == pytest.approx(0.0)
    assert 5.0 <= seen[0] <= 10.0  # ten seconds of work on two slots, and the starts
