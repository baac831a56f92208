"""What a person sees: plain lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest
from harness_process import PATIENCE, Workplace
from rich.console import Console

from harness.execute.engines import Slot
from harness.execute.progress import LineProgress, LiveProgress, headline, make_observer
from harness.plan.jobs import Job
from harness.store.records import Outcome

FACTS = {
    "name": "quick-0001",
    "trials": 15,
    "jobs": 88,
    "cached": 3,
    "skipped": 0,
    "to_do": 85,
    "cpu_slots": 2,
    "gpus": 0,
    "estimate": 83.0,
}
JOB = Job(fingerprint="f", sort="fit", label="fit [bold]x#0", spec={}, needs=(), axes={})


def ended(status: str, reason: str = "") -> Outcome:
    return Outcome(fingerprint="f", status=status, reason=reason)


def test_the_first_line_says_what_will_be_done() -> None:
    assert headline(FACTS) == ("quick-0001: 15 trials, 88 jobs, 3 cached; 2 CPU slots; about 83 s")
    more = FACTS | {"skipped": 2, "gpus": 4, "estimate": 7300}
    assert headline(more).endswith("3 cached, 2 skipped; 2 CPU slots, 4 GPUs; about 2:01 h")


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    observer = make_observer(Console(file=file, width=20))
    assert isinstance(observer, LineProgress)
    observer.started(FACTS)
    observer.job_started(JOB, Slot(name="cpu0"), trying=False)
    observer.job_ended(JOB, ended("ok"), 84, 80.0)
    observer.job_ended(JOB, ended("failed", "[red]a reason[/red] " * 5), 83, 80.0)
    monkeypatch.setattr("harness.execute.progress._LINE_SECONDS", 0.0)
    observer.job_ended(JOB, ended("ok"), 60, 50.0)
    observer.finished()
    first, failed, line = file.getvalue().splitlines()
    assert first.startswith("quick-0001: 15 trials")
    assert failed.startswith("failed: fit [bold]x#0: [red]a reason[/red] [red]a reason[/red]")
    assert line == "25/85 jobs, about 50 s left; last: fit [bold]x#0"


def test_a_bar_in_a_terminal() -> None:
    file = io.StringIO()
    observer = make_observer(Console(file=file, width=120, force_terminal=True, color_system=None))
    assert isinstance(observer, LiveProgress)
    observer.started(FACTS)
    observer.job_started(JOB, Slot(name="cpu0"), trying=True)
    observer.job_ended(JOB, ended("crashed", "[red] it crashed"), 60, 50.0)
    observer.job_started(JOB, Slot(name="cpu1"), trying=False)
    observer.finished()
    text = file.getvalue()
    assert "crashed: fit [bold]x#0: [red] it crashed" in text
    assert "25/85" in text and "about 50 s left" in text and "fit [bold]x#0" in text


def test_a_bar_with_nothing_to_do_is_not_drawn() -> None:
    file = io.StringIO()
    observer = LiveProgress(Console(file=file, width=120, force_terminal=True))
    observer.started(FACTS | {"to_do": 0})
    observer.finished()
    assert "quick-0001" in file.getvalue()


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
