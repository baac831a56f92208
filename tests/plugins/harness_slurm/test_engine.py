"""Runs through a real Slurm: nothing is lost, nothing runs twice, whatever becomes of tasks and of the run itself."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness_process import OBSERVER, HarnessProcess, Workplace, done_twice, rows, until
from real_slurm import Slurm, real_slurm

from harness_slurm.pools import digest

pytestmark = pytest.mark.slow
PATIENCE = 600.0  # seconds: a task of Slurm imports what jobs need, on a machine that others use

NAPS = """
import os, signal, time
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from harness.api import Dataset, LoadedData, Measure, Metric, hookimpl

class NapOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    number: int = Field(default=0, description="tells naps apart")
    seconds: float = Field(default=0.1, description="to sleep")

def load():
    targets = np.arange(60) % 2
    return LoadedData(modality="table", problem="classification", inputs=targets[:, None] + 0.0, targets=targets)

def nap(context):
    options = context.options
    with Path(os.environ["NAPS"]).open("a") as file:
        file.write(f"{options.number}\\n")
    print("good night", flush=True)
    time.sleep(options.seconds)
    cpus = sorted(os.sched_getaffinity(0))
    slurm = sum(name.startswith("SLURM_") for name in os.environ)
    yield Metric(name="nice", value=float(os.getpriority(os.PRIO_PROCESS, 0)), where={"slurm": slurm})
    yield Metric(name="cpus", value=float(len(cpus)), where={"cpu": cpus[0]})

@hookimpl
def harness_register_datasets():
    yield Dataset(name="two", load=load, modality="table", problem="classification")

@hookimpl
def harness_register_measures():
    yield Measure(name="nap", run=nap, scope="data", takes=("table",), options=NapOptions)
"""


def suite(name: str, seconds: list[float], hardware: str = "") -> str:
    naps = "\n".join(
        f'[[measure]]\nname = "nap"\nnumber = {number}\nseconds = {one}'
        for number, one in enumerate(seconds)
    )
    return f"""
[suite]
name = "{name}"
[matrix]
architectures = ["mlp"]
datasets = ["two"]
floors = false
[hardware]
{hardware}
{naps}
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with real_slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def workplace(folder: Path) -> Workplace:
    place = Workplace(folder)
    place.plugins += [place.write("noting.py", OBSERVER), place.write("naps.py", NAPS)]
    return place


@pytest.fixture(scope="module", autouse=True)
def over_time(
    slurm: Slurm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workplace, Path, HarnessProcess]]:
    """A run whose job goes on past Slurm's limit of two minutes, while the other tests run."""
    place = workplace(tmp_path_factory.mktemp("limits"))
    elsewhere = "/dev/shm" if os.path.ismount("/dev/shm") else None  # another file system
    with (
        tempfile.TemporaryDirectory(dir=elsewhere) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        settle(patch, slurm, place)
        store = Path(folder, "store")
        process = start(place, suite("limits", [0.1, 500.0]), store, "time=2", "retries=0")
        yield place, store, process
        process.process.kill()
        process.output()


def settle(patch: pytest.MonkeyPatch, slurm: Slurm, place: Workplace) -> None:
    patch.setenv("SLURM_CONF", str(slurm.configuration))
    patch.setenv("NAPS", str(place.folder / "naps"))


@pytest.fixture
def place(tmp_path: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    place = workplace(tmp_path)
    settle(monkeypatch, slurm, place)
    return place


def shared() -> Path:
    """The folder that nodes and runs share: one for all tests, so that a task looks at the node once."""
    return Path(os.environ["SLURM_CONF"]).parent / "shared"


def left_of(store: Path) -> Path:
    """What a store has in it."""
    return shared() / digest(str(store))


def engine(*options: str) -> str:
    return ",".join(("slurm:poll=0.5", f"folder={shared()}", *options))


def start(place: Workplace, suite: str, store: Path, *options: str) -> HarnessProcess:
    path = place.write("suite.toml", suite)
    return place.start(path, store, "--engine", engine(*options))


def naps(place: Workplace) -> Counter[int]:
    path = place.folder / "naps"
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def statuses(store: Path) -> dict[str, str]:
    query = "SELECT j.label, o.status FROM outcomes o JOIN jobs j USING (fingerprint)"
    return {row["label"]: row["status"] for row in rows(store, query)}


def test_twenty_jobs_a_preemption_a_time_limit_and_a_run_that_is_killed(
    place: Workplace, slurm: Slurm
) -> None:
    seconds = [500.0] + [0.1] * 16 + [5.0, 5.0]  # and the data that they need: 20 jobs
    written, store = suite("naps", seconds, 'time_limit = "20s"'), place.folder / "store"
    first = start(place, written, store, "tasks=3")

    def half_way() -> bool:
        return bool(naps(place)[17]) or first.process.poll() is not None

    assert until(half_way, PATIENCE, 0.1), slurm.logs()
    first.process.send_signal(signal.SIGKILL)
    first.output()
    assert not first.process.returncode or first.process.returncode == -signal.SIGKILL
    taken = [one.name for one in left_of(store).glob("pools/*/taken/*")]
    preempted = min(one.partition("@")[2] for one in taken)
    assert slurm.ask("scontrol", "requeue", preempted) == ""

    second = start(place, written, store, "tasks=3")
    out, errors = second.output(PATIENCE)
    assert second.wait() == 1, out + errors  # one was killed at its limit
    found = statuses(store)
    assert Counter(found.values()) == {"ok": 19, "timeout": 1}, found
    assert not done_twice(store)
    times = naps(place)
    assert set(times) == set(range(19))
    # What the preempted task had in hand has run twice; so has the one over its time, where the first run saw its end.
    assert sum(times[one] - 1 for one in range(1, 19)) <= 1 and times[0] <= 2, times
    assert not left_of(store).exists()
    where = "SELECT name, value FROM metrics WHERE name IN ('nice', 'cpus')"
    assert {(row["name"], row["value"]) for row in rows(store, where)} == {
        ("nice", 0.0),
        ("cpus", 1.0),
    }


def test_the_engine_keeps_the_contracts_of_engines(place: Workplace) -> None:
    done = subprocess.run(
        place.command("plugin", "check", "slurm", "--engine", engine()),
        check=False,
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0 and "not checked" not in done.stdout, done.stdout + done.stderr
    assert "ok          engine slurm: What ends badly ends as what it is" in done.stdout


def test_a_partition_that_is_not_there_is_a_sentence_before_anything_runs(place: Workplace) -> None:
    code, out, errors = place.run("quick", "store", "--engine", engine("partition=debugg"))
    assert code == 2 and out == ""
    said = "error: Slurm has no partition 'debugg'; it has debug, long; did you mean 'debug'?"
    assert errors.strip() == said
    assert not (place.folder / "store").exists()


def test_what_slurm_would_not_take_is_said_before_the_run(place: Workplace) -> None:
    code, _, errors = place.run("quick", "store", "--engine", engine("gpus=1"))
    assert code == 2
    assert errors.startswith("error: Slurm would not take the tasks of this run: ")


def test_a_job_over_slurms_own_limit_ends_so_and_a_store_may_be_elsewhere(
    over_time: tuple[Workplace, Path, HarnessProcess],
) -> None:
    _, store, process = over_time
    out, errors = process.output(PATIENCE)
    assert process.wait() == 1, out + errors
    found = statuses(store)
    assert Counter(found.values()) == {"ok": 2, "timeout": 1}, found
    (reason,) = rows(store, "SELECT reason FROM outcomes WHERE status = 'timeout'")
    assert "is TIMEOUT in Slurm, on here" in reason["reason"]
    assert not left_of(store).exists()
