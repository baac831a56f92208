"""Throughput, memory and FLOPs of models whose cost is known."""

import time

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_examples, make_context, measure, named, one
from torch import nn

from harness.api import DataError, NotApplicable, Task


class Waits(nn.Module):
    """Takes a stated time for every call."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.batches = seconds, []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        self.batches.append(len(inputs))
        time.sleep(self.seconds)
        return inputs.flatten(1)[:, :3]


def test_throughput_of_a_call_that_takes_ten_milliseconds(measure_images, tmp_path):
    model = Waits(0.01)
    found = measure_images("throughput", model=model, batch_sizes=(1, 500), seconds=0.15)
    assert set(model.batches) == {1, 500}
    for batch_size in (1, 500):
        where = {"batch_size": batch_size, "threads": 1}
        speed = one(found, "throughput", **where)
        assert speed.unit == "1/s"
        assert speed.value == pytest.approx(batch_size / 0.01, rel=0.3)
        assert speed.low <= speed.value <= speed.high
        median, p99 = one(found, "latency_p50", **where), one(found, "latency_p99", **where)
        assert median.value == pytest.approx(batch_size / speed.value)
        assert 0.01 <= median.value <= p99.value
        assert (p99.low, p99.high) == (None, None)  # too few calls to tell
        kept = np.load(tmp_path / "samples.npz")[f"batch_{batch_size}"]
        assert len(kept) == speed.n and np.median(kept) == pytest.approx(median.value)
    assert len(found) == 2 * 6


class Small(nn.Module):
    """Runs out of memory above a batch size."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > self.limit:
            torch.empty(2**50, dtype=torch.uint8)
        return inputs.flatten(1)[:, :3]


@pytest.mark.parametrize(
    ("name", "figure", "options"),
    [("throughput", "throughput", {"seconds": 0.02}), ("memory", "tensor_peak_memory", {})],
)
def test_running_out_of_memory_keeps_the_other_figures(measure_images, name, figure, options):
    found = measure_images(name, model=Small(10), batch_sizes=(64, 4), **options)
    assert one(found, "out_of_memory").where["batch_size"] == 64
    assert [metric.where["batch_size"] for metric in named(found, figure)] == [4]
    with pytest.raises(RuntimeError, match="allocate memory"):
        measure_images(name, model=Small(0), batch_sizes=(64, 4), **options)


def test_other_errors_are_raised(measure_images):
    class Wrong(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs @ torch.ones(5)

    with pytest.raises(RuntimeError):
        measure_images("throughput", model=Wrong(), batch_sizes=(3,), seconds=0.01)


def wide_context(name: str, folder, features: int = 1000, **options):
    examples = InMemory(torch.rand(8, features), torch.zeros(8).long(), torch.arange(8))
    task = Task(
        modality="table",
        problem="classification",
        input_shape=(features,),
        outputs=2,
        low=0.0,
        high=1.0,
    )
    model = nn.Sequential(nn.Linear(features, 20_000), nn.ReLU(), nn.Linear(20_000, 2)).eval()
    return make_context(name, model, examples, task, folder, **options)


def test_memory_of_a_wide_layer(tmp_path):
    found = measure(wide_context("memory", tmp_path, batch_sizes=(500,)), "memory")
    block = 500 * 20_000 * 4  # 40 MB, twice: before and after the ReLU
    tensors = one(found, "tensor_peak_memory", batch_size=500)
    assert tensors.value == 2 * block and tensors.exact
    resident = one(found, "peak_memory", batch_size=500)
    assert 0.95 * 2 * block < resident.value < 1.3 * 2 * block  # the products have workspaces
    parameters = 1000 * 20_000 + 20_000 + 20_000 * 2 + 2
    assert one(found, "parameter_memory").value == 4 * parameters
    assert one(found, "buffer_memory").value == 0


def test_a_peak_that_is_not_available_is_left_out_with_a_warning(images, monkeypatch):
    def refuse(*_):
        raise NotApplicable("not available on this machine")

    monkeypatch.setattr("harness_measures.memory.peak_resident", refuse)
    with pytest.warns(UserWarning, match="peak_memory is left out: not available"):
        found = measure(images("memory"), "memory")
    assert not named(found, "peak_memory")
    assert one(found, "tensor_peak_memory").value > 0
    monkeypatch.undo()
    monkeypatch.setattr("harness_measures.memory.tensor_peak", refuse)
    with pytest.warns(UserWarning, match="tensor_peak_memory is left out"):
        found = measure(images("memory"), "memory")
    assert one(found, "peak_memory").value >= 0


def test_flops_and_parameters(measure_images):
    found = measure_images("flops")
    macs = 4 * 9 * 36 + 4 * 36 * 3
    assert one(found, "flops").value == 2 * macs
    assert one(found, "parameters").value == 4 * 9 + 4 + 8 + 4 * 36 * 3 + 3
    assert one(found, "trainable_parameters").value == one(found, "parameters").value
    assert all(metric.exact and metric.low is None for metric in found)


def test_an_under_count_is_flagged_and_not_exact(measure_images):
    class Fourier(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.fft.fft2(inputs).real.flatten(1)[:, :3]

    flops = one(measure_images("flops", model=Fourier()), "flops")
    assert not flops.exact and "_fft" in flops.where["flag"]


def test_an_empty_split_is_an_error_in_words(classifier, tmp_path):
    from measure_cases import image_task

    whole = image_examples()
    empty = InMemory(whole.inputs[:0], whole.targets[:0], whole.ids[:0])
    for name in ("accuracy", "throughput", "adversarial"):
        options = {"attacks": ("sign",)} if name == "adversarial" else {}
        context = make_context(name, classifier, empty, image_task(), tmp_path, **options)
        with pytest.raises(DataError, match="no examples|empty"):
            measure(context, name)
