"""A fit whose process is killed goes on in the next run, and ends as if undisturbed."""

from __future__ import annotations

from pathlib import Path

import pytest
from here_engine import run_here

import harness

PLUGIN = """
import os
import signal

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
        if self.training:
            Net.calls += 1
            if Net.calls == int(os.environ.get("KILLED_AFTER", "0")):
                os.kill(os.getpid(), signal.SIGKILL)
        return self.layers(inputs)


@hookimpl
def harness_register_architectures():
    yield Architecture(name="mortal", build=Net, takes=("image",))
"""
SUITE = {
    "suite": {"name": "long"},
    "matrix": {"architectures": ["mortal"], "datasets": ["digits"], "floors": False},
    "recipes": {"plain": {"epochs": 4, "patience": 3}},
    "hardware": {"checkpoint_every": 1e-6, "cpu_slots": 1},
    "measure": [{"name": "accuracy"}],
}


@pytest.mark.slow
def test_a_killed_fit_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "mortal.py"
    plugin.write_text(PLUGIN)
    whole = run_here(SUITE, store=tmp_path / "whole", plugins=[str(plugin)])
    assert whole.ok

    monkeypatch.setenv("KILLED_AFTER", "40")
    killed = harness.run(SUITE, store=tmp_path / "killed", plugins=[str(plugin)])
    (fit,) = (job for job in killed.data.jobs if job.sort == "fit")
    assert fit.status == "crashed" and "SIGKILL" in fit.reason

    monkeypatch.delenv("KILLED_AFTER")
    done = harness.run(SUITE, store=tmp_path / "killed", plugins=[str(plugin)])
    assert done.ok
    (fit,) = (job for job in done.data.jobs if job.sort == "fit")
    (undisturbed,) = (job for job in whole.data.jobs if job.sort == "fit")
    assert (
        fit.folder and "goes on in epoch 3, after step 39" in (fit.folder / "log.txt").read_text()
    )
    assert fit.notes["weights_digest"] == undisturbed.notes["weights_digest"]
    assert {path.name for path in fit.folder.iterdir()} == {
        path.name for path in (undisturbed.folder or tmp_path).iterdir()
    }
    exact = "name not in ['fit_seconds', 'fit_energy', 'fit_energy_per_example']"
    columns = ["name", "value", "low", "high"]
    before, after = (run.metrics.query(exact)[columns].to_json() for run in (whole, done))
    assert after == before
    assert not list(tmp_path.rglob("progress.safetensors"))
