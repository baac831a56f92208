"""Fits by several processes, as runs do them: their places, a process that dies, one that hangs, and what goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from harness_process import marked
from here_engine import run_here

import harness
from harness.machine.devices import cpu_count

PLUGIN = """
import os
import signal
import time

import torch.distributed
from torch import nn

from harness.api import Architecture, hookimpl


class Net(nn.Module):
    calls = 0

    def __init__(self, num_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, num_classes)
        )

    def forward(self, inputs):
        if self.training and torch.distributed.is_initialized():
            Net.calls += 1
            how, _, place = os.environ.get("TROUBLE", "").partition("@")
            if how and f"{torch.distributed.get_rank()}/{Net.calls}" == place:
                if how == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                elif how == "hangs":
                    time.sleep(1000)
                elif how == "fails":
                    raise MemoryError
        return self.layers(inputs)


@hookimpl
def harness_register_architectures():
    yield Architecture(name="mortal", build=Net, takes=("image",))
"""
SUITE: dict[str, Any] = {
    "suite": {"name": "several"},
    "matrix": {
        "architectures": ["mortal"],
        "datasets": ["digits"],
        "device": "cpu",
        "floors": False,
    },
    "recipes": {"plain": {"epochs": 4, "patience": 3, "devices": 2}},
    "hardware": {"checkpoint_every": 0.001},
    "measure": [{"name": "accuracy"}],
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(cpu_count() < 2, reason="it takes two cores"),
]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "mortal.py"
    path.write_text(PLUGIN)
    monkeypatch.setenv("MODEL_HARNESS_TEST_MARK", str(tmp_path))
    return str(path)


def run(tmp_path: Path, plugin: str, store: str, **hardware: Any) -> tuple[harness.Run, Any]:
    """Run the suite; return it and its fit, when none of its processes is left.

    Where hardware is given its jobs have processes of their own; else their fits alone have.
    """
    suite = SUITE | {"hardware": SUITE["hardware"] | hardware}
    start = harness.run if hardware else run_here
    found = start(suite, store=tmp_path / store, plugins=[plugin])
    assert not set(marked(str(tmp_path))) - {os.getpid()}
    (fit,) = (job for job in found.data.jobs if job.sort == "fit")
    return found, fit


def test_a_process_that_is_killed_ends_the_fit_and_the_next_run_goes_on(
    tmp_path: Path, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, undisturbed = run(tmp_path, plugin, "whole")
    assert whole.ok
    for place in ("1/40", "0/25"):
        monkeypatch.setenv("TROUBLE", f"killed@{place}")
        started = time.monotonic()
        _, fit = run(tmp_path, plugin, "killed")
        assert time.monotonic() - started < 60.0
        assert fit.status == "crashed"
        assert f"process {place[0]} of the 2" in fit.reason and "SIGKILL" in fit.reason
    monkeypatch.delenv("TROUBLE")
    done, fit = run(tmp_path, plugin, "killed")
    assert done.ok and "goes on in epoch" in (fit.folder / "log.txt").read_text()
    assert fit.notes["weights_digest"] == undisturbed.notes["weights_digest"]
    assert {path.name for path in fit.folder.iterdir()} == {
        path.name for path in undisturbed.folder.iterdir()
    }
    exact = "name not in ['fit_seconds', 'fit_energy', 'fit_energy_per_example']"
    columns = ["name", "value", "low", "high"]
    before, after = (found.metrics.query(exact)[columns].to_json() for found in (whole, done))
    assert after == before


def test_a_process_that_hangs_ends_with_its_time(
    tmp_path: Path, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROUBLE", "hangs@1/20")
    _, fit = run(tmp_path, plugin, "store", time_limit="10s", cpu_slots=2)
    assert fit.status == "timeout" and "it took longer than its time limit of 10 s" in fit.reason


def test_what_one_raises_is_said_of_the_job(
    tmp_path: Path, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROUBLE", "fails@1/20")
    _, fit = run(tmp_path, plugin, "store")
    assert fit.status == "oom" and "MemoryError" in fit.reason


def test_a_learning_rate_is_searched_by_all(
    tmp_path: Path, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the processes that would search for itself alone would wait for the others for ever."""
    plain = {"learning_rate": "search", "epochs": 2, "devices": 2, "sync_batch_norm": True}
    monkeypatch.setitem(SUITE, "recipes", {"plain": plain})
    suite = SUITE | {"matrix": SUITE["matrix"] | {"architectures": ["mlp"]}}
    found = run_here(suite, store=tmp_path / "store", plugins=[plugin])
    assert found.ok
    fits = {job.label: job for job in found.data.jobs if job.sort == "fit"}
    assert {label: job.axes["device"] for label, job in fits.items()} == {
        **{f"search mlp#{n} digits": "cpu" for n in range(5)},
        "fit mlp#0 digits": "cpu",
    }
    tried = found.metrics.query("measure == 'search' and name == 'validation_loss'")
    best = tried.sort_values("value")["learning_rate"].iloc[0]
    assert best == fits["fit mlp#0 digits"].notes["learning_rate"]
