"""Latency of calls whose length is known."""

import time

import numpy as np
import pytest
import torch
from measure_cases import named, one
from torch import nn

from harness.catalogue.finding import read_findings
from harness.machine import load
from harness.measure.fast_path import fast_path


class Alternates(nn.Module):
    """Nine calls in ten take 4 ms, the tenth 12 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(inputs))
        time.sleep(0.012 if len(self.sizes) % 10 == 0 else 0.004)
        return inputs.flatten(1)[:, :3]


def test_percentiles_of_single_calls(measure_images, tmp_path):
    model = Alternates()
    found = measure_images("latency", model=model, seconds=0.6)
    assert set(model.sizes) == {1}
    assert [metric.name for metric in found] == [
        *(f"latency_p{percent}" for percent in (10, 50, 90, 95, 99)),
        "latency_variation",
    ]
    values = [metric.value for metric in found[:5]]
    assert values == sorted(values)
    median = one(found, "latency_p50", batch_size=1, threads=1)
    assert median.unit == "s" and median.low <= median.value <= median.high
    assert 0.004 <= median.value < 0.012 <= one(found, "latency_p99").value
    kept = np.load(tmp_path / "samples.npz")["batch_1"]
    assert len(kept) == median.n and np.median(kept) == pytest.approx(median.value)


def test_batch_sizes_and_what_does_not_fit(measure_images):
    class Small(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if len(inputs) > 4:
                torch.empty(2**50, dtype=torch.uint8)
            return inputs.flatten(1)[:, :3]

    found = measure_images("latency", model=Small(), batch_sizes=(1, 4, 8), seconds=0.02)
    assert [m.where["batch_size"] for m in named(found, "latency_p50")] == [1, 4]
    assert one(found, "out_of_memory").where["batch_size"] == 8


def test_the_harness_load_is_said_once(measure_images, monkeypatch):
    monkeypatch.setattr(load, "harness_processes", (1,))
    monkeypatch.setattr(load, "process_seconds", lambda process: 0.5 * time.perf_counter())
    found = measure_images("latency", batch_sizes=(1, 2), seconds=0.02)
    own = one(found, "harness_cpu")
    assert own.unit == "cores" and own.value == pytest.approx(0.5, rel=0.3)


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("name", ["latency", "throughput"])
def test_the_fused_path_of_encoders_is_taken_by_option(measure_images, tmp_path, name, taken):
    class Sees(nn.Module):
        """Notes the path; on the fast one it answers otherwise."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.paths: list[bool] = []

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.paths.append(torch.backends.mha.get_fastpath_enabled())
            return inputs.flatten(1)[:, :3] + self.paths[-1]

    model = Sees().eval()
    with fast_path(False):  # as in every job
        found = measure_images(name, model=model, batch_sizes=(2,), seconds=0.02, fast_path=taken)
    assert taken in model.paths and (taken or True not in model.paths)
    (median,) = named(found, "latency_p50")
    assert median.where.get("fast_path", False) is taken
    findings = read_findings(tmp_path) or ()
    assert [finding.flag != "" for finding in findings] == ([True] if taken else [])
