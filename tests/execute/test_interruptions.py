"""A run that is killed or interrupted, at any moment, loses no finished job and goes on later."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
import tomllib
from functools import partial
from pathlib import Path

import pytest
from harness_process import (
    HarnessProcess,
    Workplace,
    WorkplaceHere,
    announcements,
    done_twice,
    figures,
    outcomes,
    rows,
    small_suite,
    until,
)
from here_engine import run_here

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


def assert_gone(process: HarnessProcess, seconds: float = 5.0) -> None:
    """Check that nothing that a run started outlives it by more than a few seconds."""
    assert until(lambda: not process.descendants(), seconds), process.descendants()


def assert_kept(place: Workplace, store: Path) -> None:
    """Check that every outcome that was announced is in the store, with its files."""
    kept = {
        row["fingerprint"]: row["folder"]
        for row in rows(store, "SELECT * FROM outcomes WHERE status = 'ok'")
    }
    for line in HarnessProcess(None, "", place.folder / "announced.jsonl").finished():  # type: ignore[arg-type]
        assert (store / kept[line["fingerprint"]]).is_dir(), line["label"]


def kill_again_and_again(place: Workplace, kills: int, seed: int) -> Path:
    """Kill a run at random moments until it has been killed so often, then let it end."""
    draw = random.Random(seed)
    store = place.folder / "store"
    for number in range(kills):
        process = place.start("small.toml", "store")
        before = len(process.finished())
        if number % 3 == 0:  # any moment, most of them while it still imports
            time.sleep(draw.uniform(0.1, 4.0))
        else:  # while jobs run
            wanted = before + draw.randint(0, 2)
            until(
                lambda wanted=wanted, process=process: (  # type: ignore[misc]
                    len(process.finished()) > wanted or process.process.poll() is not None
                )
            )
            time.sleep(draw.uniform(0.0, 0.3))
        process.process.kill()
        process.output()
        assert_gone(process)
        if (store / "store.sqlite").exists():
            assert_kept(place, store)
            assert not done_twice(store)
    code, _, errors = place.run("small.toml", "store")
    assert code == 0, errors
    return store


def check_as_if_nothing_happened(place: Workplace, store: Path, undisturbed: Path) -> None:
    assert_kept(place, store)
    assert not done_twice(store)
    assert all(row["status"] == "ok" for row in outcomes(store).values())
    assert figures(store) == figures(undisturbed)
    recorded = {row["folder"] for row in rows(store, "SELECT folder FROM outcomes")}
    found = {str(path.relative_to(store)) for path in store.glob("jobs/*/*")}
    assert found == recorded  # killed attempts leave nothing behind
    states = [row["status"] for row in rows(store, "SELECT status FROM runs ORDER BY id")]
    assert states[-1] == "completed"
    assert set(states[:-1]) <= {"interrupted", "completed"}


@pytest.mark.slow
def test_kills_lose_nothing(workplace: Workplace, undisturbed: Path) -> None:
    store = kill_again_and_again(workplace, kills=6, seed=20)
    check_as_if_nothing_happened(workplace, store, undisturbed)


def interrupt(process: HarnessProcess, number: int, gone: float = 0.5) -> str:
    """Send a signal, on which all ends within two seconds; return what was said."""
    started = time.monotonic()
    process.process.send_signal(number)
    _, errors = process.output()
    assert time.monotonic() - started < 2.0
    assert process.wait() == 130
    assert "Traceback" not in errors
    assert_gone(process, gone)
    return errors


def jobs_left(store: Path) -> int:
    """Return how many of the 17 jobs have no outcome that is ok."""
    return 17 - len(rows(store, "SELECT id FROM outcomes WHERE status = 'ok'"))


def interrupt_after(place: Workplace, jobs: int, number: int) -> int:
    """Interrupt a run when so many jobs have finished; return how many of its 17 are left."""
    store = place.folder / "store"
    process = place.start("small.toml", "store")
    assert until(lambda: len(process.finished()) >= jobs)
    errors = interrupt(process, number)
    left = jobs_left(store)
    assert f"{left} jobs are left" in errors
    assert_kept(place, store)
    assert {row["status"] for row in rows(store, "SELECT status FROM runs")} == {"interrupted"}
    return left


@pytest.mark.exclusive
def test_ctrl_c_keeps_what_is_finished(workplace: Workplace) -> None:
    """On data that take no library two seconds to read, as digits do."""
    workplace.write("small.toml", small_suite(dataset="random_images"))
    assert interrupt_after(workplace, 2, signal.SIGINT) <= 15


@pytest.mark.exclusive
@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(workplace: Workplace, undisturbed: Path) -> None:
    store = workplace.folder / "store"
    # before there is a run, and while the server still imports: nothing hangs
    for begun in (lambda p: p.server() is not None, lambda _: list(store.glob("jobs/*/*"))):
        process = workplace.start("small.toml", "store")
        assert until(partial(begun, process))
        errors = interrupt(process, signal.SIGINT, gone=5.0)  # it may have begun a moment ago
    left = jobs_left(store)  # a slow machine may have finished some before the signal came
    assert f"{left} jobs are left" in errors and "run the same command again" in errors

    for number, jobs in ((signal.SIGINT, 2), (signal.SIGTERM, 6)):
        left = interrupt_after(workplace, jobs, number)
    code, listed = workplace.call("runs", "--store", "store")
    assert code == 0 and listed.count("interrupted") >= 3

    code, _, errors = workplace.run("small.toml", "store")
    assert code == 0, errors
    assert f"{17 - left} cached" in errors
    check_as_if_nothing_happened(workplace, workplace.folder / "store", undisturbed)


STOPS = """
import os, signal
from harness.api import hookimpl

@hookimpl
def harness_job_started(event):
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_run_that_is_stopped_raises_what_stops_its_caller_too(tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    plugins = [str(tmp_path / "stops.py")]
    with pytest.raises(KeyboardInterrupt, match="small-0001 was interrupted"):
        run_here(tomllib.loads(small_suite(["mlp"])), store=tmp_path / "store", plugins=plugins)


def test_a_second_run_does_nothing(undisturbed: Path, workplace: Workplace) -> None:
    before = rows(undisturbed, "SELECT MAX(id) AS n FROM outcomes")
    place = WorkplaceHere(workplace.folder, workplace.plugins)
    code, _, errors = place.run("small.toml", undisturbed)
    assert code == 0
    assert "17 jobs, 17 cached" in errors
    assert announcements(place.folder / "announced.jsonl") == []
    assert rows(undisturbed, "SELECT MAX(id) AS n FROM outcomes") == before
    assert all(row["id"] for row in outcomes(undisturbed).values())


@pytest.mark.slow
def test_the_server_can_be_killed_too(workplace: Workplace) -> None:
    workplace.write(
        "murder.py",
        """
import os, signal, time
from harness.api import Measure, Metric, hookimpl

def murder():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)

@hookimpl
def harness_register_measures():
    yield Measure(name="murder", takes=("image", "sequence", "table"), run=murder, scope="architecture")
""",
    )
    workplace.plugins.append(workplace.folder / "murder.py")
    suite = small_suite(["mlp"], seeds=(0, 1, 2))
    workplace.write("murder.toml", suite + '\n[[measure]]\nname = "murder"\n')
    process = workplace.start("murder.toml", "store")
    _, errors = process.output()
    assert process.wait() == 1, errors
    found = outcomes(workplace.folder / "store")
    assert found["murder mlp digits"]["status"] == "crashed"
    assert "the process that started it has ended: signal 9" in found["murder mlp digits"]["reason"]
    assert {row["status"] for row in found.values()} <= {"ok", "crashed", "blocked"}
    fits = [row["status"] for label, row in found.items() if label.startswith("fit ")]
    assert fits.count("ok") >= 1, found  # beside the murder, one other job may have run
    assert_gone(process)


@pytest.mark.slow
def test_two_runs_share_one_store(workplace: Workplace, undisturbed: Path) -> None:
    store = workplace.folder / "store"
    both = [
        workplace.start(
            "small.toml",
            "store",
            environment={"ANNOUNCED": str(workplace.folder / f"announced{n}.jsonl")},
        )
        for n in range(2)
    ]
    said = [process.output() for process in both]
    assert [process.wait() for process in both] == [0, 0], said
    assert not done_twice(store)
    announced = [line["fingerprint"] for process in both for line in process.finished()]
    assert len(announced) == len(set(announced)) == 17
    for run in (1, 2):
        linked = rows(store, "SELECT outcome FROM run_jobs WHERE run = ?", run)
        assert len(linked) == 17 and all(row["outcome"] for row in linked)
    assert figures(store) == figures(undisturbed)


EXCLUSIVE = """
import json, os, time
from harness.api import Measure, Metric, hookimpl

def note(what):
    started = time.monotonic()
    time.sleep(0.25)
    with open(os.environ["INTERVALS"], "a") as file:
        file.write(json.dumps([what, started, time.monotonic()]) + "\\n")
    yield Metric(name="slept", value=0.25)

def alone():
    yield from note("alone")

def beside():
    yield from note("beside")

@hookimpl
def harness_register_measures():
    yield Measure(name="alone", takes=("image", "sequence", "table"), run=alone, scope="architecture", exclusive=True)
    yield Measure(name="beside", takes=("image", "sequence", "table"), run=beside, scope="architecture")
"""


@pytest.mark.slow
def test_exclusive_jobs_run_alone_across_stores(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.plugins.append(place.write("exclusive.py", EXCLUSIVE))
    place.write(
        "exclusive.toml",
        """
[suite]
name = "exclusive"
[matrix]
floors = false
architectures = ["mlp", "mlp:width=8", "mlp:width=9"]
datasets = ["digits"]
recipes = ["plain"]
[recipes.plain]
epochs = 1
[[measure]]
name = "alone"
[[measure]]
name = "beside"
""",
    )
    intervals = tmp_path / "intervals.jsonl"
    both = [
        place.start("exclusive.toml", f"store{n}", environment={"INTERVALS": str(intervals)})
        for n in range(2)
    ]
    said = [process.output() for process in both]
    assert [process.wait() for process in both] == [0, 0], said
    noted = [json.loads(line) for line in intervals.read_text().splitlines()]
    assert len(noted) == 12
    for what, start, end in noted:
        if what == "alone":
            others = [other for other in noted if other != [what, start, end]]
            assert all(e <= start or s >= end for _, s, e in others)
