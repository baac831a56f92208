"""Runs through a real Slurm: nothing is lost, nothing runs twice, whatever becomes of tasks and of the run itself."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness_process import OBSERVER, HarnessProcess, Workplace, rows, until
from real_slurm import Slurm, real_slurm

pytestmark = pytest.mark.slow
PATIENCE = 300.0  # seconds: a task of Slurm imports what jobs need, on a machine that others use

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


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path)
    place.plugins += [place.write("noting.py", OBSERVER), place.write("naps.py", NAPS)]
    return place


def start(
    place: Workplace, slurm: Slurm, suite: str, options: str = "", store: str = "store"
) -> HarnessProcess:
    engine = f"slurm:poll=0.5,folder={place.folder / 'shared'}{options}"
    environment = {"SLURM_CONF": str(slurm.configuration), "NAPS": str(place.folder / "naps")}
    path = place.write("suite.toml", suite)
    return place.start(path, place.folder / store, "--engine", engine, environment=environment)


def naps(place: Workplace) -> Counter[int]:
    path = place.folder / "naps"
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def statuses(place: Workplace) -> dict[str, str]:
    query = "SELECT j.label, o.status FROM outcomes o JOIN jobs j USING (fingerprint)"
    return {row["label"]: row["status"] for row in rows(place.folder / "store", query)}


def test_twenty_jobs_a_preemption_a_time_limit_and_a_run_that_is_killed(
    place: Workplace, slurm: Slurm
) -> None:
    seconds = [0.1] * 16 + [8.0, 8.0, 500.0]  # and the data that they need: 20 jobs
    written = suite("naps", seconds, 'time_limit = "30s"')
    first = start(place, slurm, written, ",tasks=3")
    assert until(lambda: len(first.finished()) >= 4 or first.process.poll() is not None, PATIENCE)
    assert until(lambda: naps(place)[16] or first.process.poll() is not None, PATIENCE)
    running = slurm.ask("squeue", "-h", "-r", "-t", "R", "-o", "%i").split()
    first.process.send_signal(signal.SIGKILL)
    first.wait()
    held = [one.name for one in (place.folder / "shared").glob("*/pools/*/taken/*")]
    busy = {one.partition("@")[2] for one in held}
    preempted = min(busy & set(running))
    slurm.ask("scontrol", "requeue", preempted)

    second = start(place, slurm, written, ",tasks=3")
    out, errors = second.output(PATIENCE)
    assert second.wait() == 1, out + errors  # one was killed at its limit
    found = statuses(place)
    assert Counter(found.values()) == {"ok": 19, "timeout": 1}, found
    assert set(naps(place)) == set(range(19))
    twice = [number for number, times in naps(place).items() if times > 1]
    assert len(twice) <= 1  # what the preempted task had in hand
    assert not list((place.folder / "shared").glob("*/jobs/*"))
