"""What a job costs beyond its own work: our warm server against multiprocessing's forkserver.

Both have imported the same. Theirs calls an empty function; ours reads a request, looks for what to
do, describes the environment and writes an outcome, though there is nothing to do. They take turns
in one process, so that a busy machine slows both alike.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.catalogue.host import PluginChoice
from harness.execute.engines import EngineSetting, Work
from harness.execute.local import LocalEngine
from harness.execute.places import LocalPlace
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness.store.records import Outcome
from harness.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it forks")

JOB = Job(fingerprint="f" * 64, sort="nothing", label="nothing", spec={}, needs=(), axes={})
ROUNDS = 15


def seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def engine() -> Any:
    started = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=("torch",)))
    yield started
    started.close()


@pytest.fixture
def one_job(engine: LocalEngine, tmp_path: Path) -> Callable[[], Outcome]:
    """Return what runs one trivial job through the warm server."""
    count = iter(range(10**6))

    def run() -> Outcome:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        request = Request(JOB, str(folder))
        engine.submit(Work(token=folder.name, request=request, place=LocalPlace(name="cpu0")))
        while True:
            for ended in engine.wait(60.0):
                return ended.outcome

    assert "No module named 'harness.execute.nothing_job'" in run().reason  # the server is ready
    return run


def test_seconds_for_a_trivial_job(benchmark: Any, one_job: Callable[[], Outcome]) -> None:
    outcome = benchmark.pedantic(one_job, rounds=ROUNDS, iterations=1)
    assert outcome.status == "failed"


def test_seconds_to_record_an_outcome(benchmark: Any, tmp_path: Path) -> None:
    from harness.plan.jobs import Plan

    with Store(tmp_path / "runs") as store:
        run, _ = store.start_run(Plan("tiny", (JOB,), 1, {}), {})

        def record() -> None:
            store.claim(JOB.fingerprint)
            folder = store.new_attempt(JOB.fingerprint)
            (folder / "log.txt").write_text("a line")
            outcome = Outcome(
                fingerprint=JOB.fingerprint,
                status="ok",
                folder=str(folder.relative_to(store.folder)),
            )
            store.add_outcome(run, outcome)
            store.release(JOB.fingerprint)

        benchmark.pedantic(record, rounds=ROUNDS, iterations=1)
        assert store.latest_outcome() >= 1


def test_the_warm_server_is_as_fast_as_a_forkserver(
    benchmark: Any, one_job: Callable[[], Outcome]
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "harness.execute.fit_job", "harness.execute.job"])

    def theirs() -> None:
        process = context.Process(target=os.getpid)
        process.start()
        process.join()
        assert process.exitcode == 0

    theirs()  # its server is ready
    both: dict[str, list[float]] = {"warm server": [], "forkserver": []}

    def one_of_each() -> None:
        both["warm server"].append(seconds(one_job))
        both["forkserver"].append(seconds(theirs))

    benchmark.pedantic(one_of_each, rounds=ROUNDS, iterations=1)
    medians = {name: statistics.median(values) for name, values in both.items()}
    benchmark.extra_info["median_seconds"] = medians
    if len(both["forkserver"]) >= ROUNDS:  # a benchmark, not the quick look of the default run
        assert medians["warm server"] < medians["forkserver"] + 0.05
