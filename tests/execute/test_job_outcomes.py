"""Whatever goes wrong in a job ends as one typed outcome with words, and the run goes on."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness_process import (
    OBSERVER,
    EndedRun,
    Workplace,
    WorkplaceHere,
    announcements,
    marked,
    outcomes,
    rows,
    until,
)

from harness.execute.job import explain, outcome_from_text, outcome_to_text
from harness.store.records import FAILED, Outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

MEASURES = """
import ctypes, os, signal, subprocess, sys, threading, time
from harness.api import Measure, Metric, NotApplicable, hookimpl

def exits(): os._exit(3)
def segfaults():
    print("just before it crashes")
    ctypes.string_at(0)
def killed(): os.kill(os.getpid(), signal.SIGKILL)
def sleeps():
    print("it starts to sleep")
    subprocess.Popen(["sleep", "600"])
    subprocess.Popen(["sleep", "601"], start_new_session=True)
    time.sleep(600)
def leaves():
    subprocess.Popen(["sleep", "602"], start_new_session=True)
    yield Metric(name="left", value=1)
def torch_huge():
    import torch
    torch.empty(1 << 50)
def greedy():
    blocks = []
    for _ in range(64):
        blocks.append(bytearray(64 << 20))
    yield Metric(name="bytes", value=len(blocks))
def memory_error(): raise MemoryError
def system_exit(): sys.exit("enough")
def interrupted(): raise KeyboardInterrupt
def no_metric(): return None
def non_metric(): yield 3.0
def tensor_metric():
    import torch
    yield Metric(name="value", value=torch.tensor(2.5), where={"size": 3})
def unkept_metric(): yield Metric(name="value", value=1.0, where={"what": object()})
def nan_metric():
    yield Metric(name="not_a_number", value=float("nan"), low=float("-inf"), high=float("inf"))
    yield Metric(name="one", value=1.0)
def chatty():
    for line in range(20000):
        print("line", line, "[bold]\\N{GREEK SMALL LETTER ALPHA}")
    os.write(2, b"from below\\xff\\n")
    yield Metric(name="lines", value=20000)
def not_here(): raise NotApplicable("not on this machine")
class Odd(Exception):
    def __str__(self): raise ValueError("no")
def odd_error(): raise Odd()
def hostile(): raise ValueError("[red]x[/red]\\x1b[2J <script>")
def links(context):
    os.symlink("/nowhere", context.folder / "link")
    os.mkfifo(context.folder / "pipe")
    yield Metric(name="links", value=1)
def late(): yield Metric(name="late", value=1)

BAD = [exits, segfaults, killed, sleeps, leaves, torch_huge, greedy, memory_error, system_exit,
       interrupted, no_metric, non_metric, tensor_metric, unkept_metric, nan_metric, chatty, not_here,
       odd_error, hostile, links, late]

@hookimpl
def harness_register_measures():
    for function in BAD:
        yield Measure(name=function.__name__, takes=("image", "sequence", "table"), run=function, scope="architecture")
"""

SUITE = """
[suite]
name = "bad-measures"
[matrix]
floors = false
architectures = ["mlp"]
datasets = ["digits"]
recipes = ["plain"]
[recipes.plain]
epochs = 1
[hardware]
time_limit = "12s"
memory_limit = "1GB"
[[measure]]
name = "accuracy"
"""
NAMES = [
    "exits",
    "segfaults",
    "killed",
    "sleeps",
    "leaves",
    "torch_huge",
    "greedy",
    "memory_error",
    "system_exit",
    "interrupted",
    "no_metric",
    "non_metric",
    "tensor_metric",
    "unkept_metric",
    "nan_metric",
    "chatty",
    "not_here",
    "odd_error",
    "hostile",
    "links",
    "late",
]
ENDS = [  # name, status, words of the reason
    ("exits", "crashed", "exit code 3"),
    ("segfaults", "crashed", "11 (SIGSEGV)"),
    ("killed", "crashed", "9 (SIGKILL)"),
    ("sleeps", "timeout", "time limit of 12 s"),
    ("leaves", "ok", ""),
    ("torch_huge", "oom", "allocate"),
    ("greedy", "oom", "MemoryError"),
    ("memory_error", "oom", "MemoryError: no message"),
    ("system_exit", "failed", "SystemExit: enough"),
    ("interrupted", "failed", "KeyboardInterrupt"),
    ("no_metric", "failed", "yielded no metric"),
    ("non_metric", "failed", "yielded a float; yield harness.api.Metric"),
    ("tensor_metric", "ok", ""),
    ("unkept_metric", "failed", "metric 'value' cannot be kept"),
    ("nan_metric", "ok", ""),
    ("chatty", "ok", ""),
    ("not_here", "skipped", "not on this machine"),
    ("odd_error", "failed", "Odd: its message cannot be shown"),
    ("hostile", "failed", "ValueError: [red]x[/red]"),
    ("links", "ok", ""),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> EndedRun:
    """Measures that misbehave, on a fit from before: the limit of seconds is theirs alone."""
    place = Workplace(tmp_path_factory.mktemp("measures"))
    ready = SUITE.replace('time_limit = "12s"\n', "")
    code, _, errors = WorkplaceHere(place.folder).run(place.write("ready.toml", ready), "store")
    assert code == 0, errors
    place.plugins += [place.write("bad_measures.py", MEASURES), place.write("noting.py", OBSERVER)]
    measures = "".join(f'[[measure]]\nname = "{name}"\n' for name in NAMES)
    return EndedRun(place, place.write("bad.toml", SUITE + measures))


def test_run_goes_on_and_every_job_has_one_outcome(measured: EndedRun) -> None:
    assert measured.code == 1, measured.errors
    assert all(row["id"] for row in measured.outcomes.values())
    assert measured.outcomes["accuracy mlp#0 digits"]["status"] == "ok"
    assert measured.outcomes["late mlp digits"]["status"] == "ok"
    (run,) = rows(measured.store, "SELECT status FROM runs WHERE id = 2")
    assert run["status"] == "completed"
    jobs = rows(measured.store, "SELECT COUNT(*) AS n FROM run_jobs WHERE run = 2")[0]["n"]
    assert rows(measured.store, "SELECT COUNT(*) AS n FROM outcomes")[0]["n"] == jobs
    finished = [
        a for a in announcements(measured.place.folder / "announced.jsonl") if "status" in a
    ]
    assert len(finished) == jobs - 3  # the data, the fit and its accuracy are from before


@pytest.mark.parametrize(("name", "status", "words"), ENDS)
def test_each_end_has_its_type_and_reason(
    measured: EndedRun, name: str, status: str, words: str
) -> None:
    found = measured.outcomes[f"{name} mlp digits"]
    assert (found["status"], words in found["reason"]) == (status, True), found["reason"]
    assert status in ("ok", "skipped") or name in ("exits", "killed") or found["traceback"]


def test_failures_are_told_while_the_run_goes_on(measured: EndedRun) -> None:
    assert "crashed: segfaults mlp digits: it crashed by signal 11 (SIGSEGV)" in measured.errors
    assert "failed: hostile mlp digits: ValueError: [red]x[/red]" in measured.errors
    assert "just before it crashes" not in measured.errors  # what jobs print stays with them
    assert "Traceback" not in measured.errors


def test_a_crash_leaves_its_stack_and_what_was_printed(measured: EndedRun) -> None:
    text = measured.logs("segfaults mlp digits")
    assert "just before it crashes" in text
    assert "Fatal Python error: Segmentation fault" in text
    assert "in segfaults" in text


def test_a_killed_job_keeps_what_it_printed(measured: EndedRun) -> None:
    assert "it starts to sleep" in measured.logs("sleeps mlp digits")


def test_processes_that_jobs_started_are_gone(measured: EndedRun) -> None:
    assert until(lambda: not marked(measured.place.mark), seconds=5)


def test_much_output_is_kept_away_from_the_terminal(measured: EndedRun) -> None:
    text = measured.logs("chatty mlp digits")
    assert "line 0 [bold]\N{GREEK SMALL LETTER ALPHA}" in text
    assert "line 19999" in text
    assert "from below" in text
    assert "line 19999" not in measured.errors + measured.out


def test_metrics_are_kept_as_plain_numbers(measured: EndedRun) -> None:
    def of(name: str) -> list[dict[str, Any]]:
        outcome = measured.outcomes[f"{name} mlp digits"]["id"]
        return rows(measured.store, "SELECT * FROM metrics WHERE outcome = ?", outcome)

    assert (of("tensor_metric")[0]["value"], of("tensor_metric")[0]["holds"]) == (2.5, '{"size":3}')
    assert [(m["value"], m["low"], m["high"]) for m in of("nan_metric")] == [
        (None, None, None),
        (1.0, None, None),
    ]
    from harness import load_run

    frame = load_run(measured.store).metrics
    assert math.isnan(frame[frame.name == "not_a_number"].value.item())


@pytest.mark.slow
def test_failed_jobs_are_tried_again_and_outcomes_only_added(measured: EndedRun) -> None:
    before = rows(measured.store, "SELECT * FROM outcomes ORDER BY id")
    code, _, errors = measured.place.run(
        measured.place.folder / "bad.toml", "store", "--set", "hardware.time_limit=3s"
    )
    assert code == 1
    after = rows(measured.store, "SELECT * FROM outcomes ORDER BY id")
    assert after[: len(before)] == before
    tried = {row["fingerprint"] for row in after[len(before) :]}
    assert tried == {row["fingerprint"] for row in before if row["status"] != "ok"}
    assert {row["attempt"] for row in after[len(before) :]} == {2}
    assert all(row["id"] for row in outcomes(measured.store).values()), errors


def _memory_group(limit: int) -> Path | None:
    """Return a new control group with a memory limit, where this user may make one."""
    name = f"model-harness-test-{os.getpid()}"
    for root, file in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        folder = root / name
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / file).exists():  # else it is a mere folder
            with contextlib.suppress(OSError):
                (folder / file).write_text(str(limit))
                return folder
        folder.rmdir()
    return None


@pytest.mark.slow
def test_the_kernel_kills_for_memory(tmp_path: Path) -> None:
    group = _memory_group(900 << 20)
    if group is None:
        pytest.skip("no memory control group can be made here")
    place = Workplace(tmp_path)
    place.plugins.append(
        place.write(
            "eats.py",
            MEASURES.replace(
                "blocks.append(bytearray(64 << 20))", "blocks.append(b'x' * (64 << 20))"
            ),
        )
    )
    suite = SUITE.replace('memory_limit = "1GB"', "").replace('"12s"', '"60s"')
    place.write("eats.toml", suite + '[[measure]]\nname = "greedy"\n')

    def join() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        process = place.start("eats.toml", "store", preexec=join)
        _, errors = process.output()
        found = outcomes(place.folder / "store")
        assert process.wait() == 1, errors
        assert found["greedy mlp digits"]["status"] == "oom", found["greedy mlp digits"]["reason"]
        assert "the kernel killed it" in found["greedy mlp digits"]["reason"]
        assert found["accuracy mlp#0 digits"]["status"] == "ok"
    finally:
        for number in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):  # it is ending just now
                os.kill(int(number), signal.SIGKILL)
        until(lambda: not (group / "cgroup.procs").read_text(), seconds=5)
        time.sleep(0.1)
        group.rmdir()


def test_a_message_of_torch_is_told_with_the_line_that_says_what_is_wrong() -> None:
    error = RuntimeError(
        "Error(s) in loading state_dict for Net:\n\tsize mismatch for a: 3, 4\n\tb"
    )
    assert explain(error) == (
        "RuntimeError: Error(s) in loading state_dict for Net: size mismatch for a: 3, 4"
    )
    assert explain(ValueError("one\ntwo")) == "ValueError: one"
    assert explain(ValueError("nothing follows:")) == "ValueError: nothing follows:"
    assert explain(ValueError()) == "ValueError: no message"


def test_names_of_files_that_are_no_text_are_spelled_out():
    """What a store, a terminal and a page can take; all other text is as it was."""
    said = Outcome(
        fingerprint="f",
        status=FAILED,
        reason="a\udcff.png: \u00e9 \U0001f600 \\udcff",
        started="now",
    )
    told = outcome_from_text(outcome_to_text(said))
    assert told == replace(said, reason="a\\udcff.png: \u00e9 \U0001f600 \\udcff")
    assert told.reason.encode()
