"""Energy from the counters to the store: of a measure, a fit and a run, at a power that is known."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from harness_process import Workplace, outcomes, rows

from harness.store.run_data import RunData
from harness.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.exclusive]

WATTS = 40.0
PLUGIN = """
from pathlib import Path
from harness.api import Architecture, hookimpl
from harness.machine import energy

energy.POWERCAP = Path({folder!r})

def build(input_shape, num_classes):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, num_classes))

@hookimpl
def harness_register_architectures():
    yield Architecture(name="line", build=build, takes=("image",))
"""
SUITE = """
[suite]
name = "energy"
[matrix]
floors = false
architectures = ["line"]
datasets = ["digits"]
recipes = ["plain"]
device = "cpu"
[recipes.plain]
epochs = 30
[hardware]
exclusive_threads = 1
[[measure]]
name = "energy"
seconds = 0.8
idle_seconds = 0.4
batch_sizes = [16, 64]
[[measure]]
name = "accuracy"
"""


class Package(threading.Thread):
    """A package's counter that moves by WATTS, and wraps once, after 10 J."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.zone = folder / "intel-rapl:0"
        self.zone.mkdir(parents=True)
        (self.zone / "name").write_text("package-0\n")
        (self.zone / "max_energy_range_uj").write_text("2000000000\n")
        self.stop, self.began = threading.Event(), time.monotonic()
        self.tick()

    def tick(self) -> None:
        microjoules = int((time.monotonic() - self.began) * WATTS * 1e6) + 1_990_000_000
        new = self.zone / "new"
        new.write_text(f"{microjoules % 2_000_000_000}\n")
        new.replace(self.zone / "energy_uj")

    def run(self) -> None:
        while not self.stop.wait(0.001):
            self.tick()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("energy")
    package = Package(folder / "powercap")
    package.start()
    place = Workplace(folder)
    text = PLUGIN.format(folder=str(folder / "powercap"))
    place.plugins.append(place.write("metered.py", text))
    code, _, errors = place.run(place.write("energy.toml", SUITE), "store")
    package.stop.set()
    assert code == 0, errors
    return folder / "store"


def figures(store: Path, label: str) -> dict[str, float]:
    found = rows(
        store, "SELECT name, value FROM metrics WHERE outcome = ?", outcomes(store)[label]["id"]
    )
    return {row["name"]: row["value"] for row in found}


def test_energy_of_inference_is_power_times_time(store: Path) -> None:
    found = figures(store, "energy line digits")
    assert found["power"] == pytest.approx(WATTS, rel=0.1)
    assert found["idle_power"] == pytest.approx(WATTS, rel=0.1)
    (kept,) = store.glob("jobs/*/*/samples.npz")
    with np.load(kept) as samples:
        seconds, joules, calls = samples["batch_64"].T
    assert seconds.shape == (8,) and seconds.sum() == pytest.approx(0.8, rel=0.2)
    assert joules.sum() == pytest.approx(WATTS * seconds.sum(), rel=0.1)
    assert found["energy_per_example"] == pytest.approx(
        np.median(joules / (calls * 64)), rel=1e-6
    )  # of the last batch size
    assert abs(found["energy_per_example_above_idle"]) < 0.3 * found["energy_per_example"]


def test_energy_of_a_fit_and_of_the_run(store: Path) -> None:
    found = figures(store, "fit line#0 digits")
    assert found["fit_energy"] == pytest.approx(WATTS * found["fit_seconds"], rel=0.2, abs=2)
    (split,) = {round(found["fit_energy"] / found["fit_energy_per_example"])}
    assert split % 30 == 0 and split // 30 > 1000  # epochs times the examples of training
    (run,) = rows(store, "SELECT energy, seconds FROM runs")
    assert run["energy"] == pytest.approx(WATTS * run["seconds"], rel=0.2)
    with Store(store, create=False) as opened:
        assert RunData.read(opened).energy == run["energy"]


def test_a_store_from_before_gets_the_column(store: Path) -> None:
    with sqlite3.connect(store / "store.sqlite") as old:
        old.execute("ALTER TABLE runs DROP COLUMN energy")
        old.execute("UPDATE meta SET value = '1'")
    old.close()
    with Store(store, create=False) as opened:
        assert RunData.read(opened).energy is None
    with Store(store) as opened:
        assert [row["energy"] for row in opened.runs()] == [None]
