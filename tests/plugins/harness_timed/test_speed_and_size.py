"""Throughput, memory and FLOPs of models whose cost is known."""

import copy
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_examples, make_context, measure, named, one
from torch import nn

from harness.api import DataError, NotApplicable, Task
from harness_timed.batch_search import find_knee, find_largest


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


@pytest.mark.exclusive
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
    assert len(found) == 2 * 7


def test_auto_finds_the_largest_batch_that_fits_and_the_knee(measure_images):
    """A call takes 2 ms + 0.1 ms an example: 10,000/s at most, of which 95 % need 380 examples."""

    class Grows(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            time.sleep(min(0.1, 0.002 + 1e-4 * len(inputs)))  # shapes alone may be huge
            return inputs.flatten(1)[:, :3]

    found = measure_images("throughput", model=Grows(), batch_sizes="auto", seconds=0.04)
    largest = one(found, "largest_batch_size")
    assert largest.value == 512 and largest.where["limit"] == "time"
    sizes = [metric.where["batch_size"] for metric in named(found, "throughput")]
    assert sizes == [2**n for n in range(10)]
    assert one(found, "knee_batch_size").value in (256, 512)  # 93 % and all, but for noise


def test_auto_ends_where_memory_does(measure_images, monkeypatch):
    monkeypatch.setattr("harness_timed.throughput.predict_largest_batch", lambda *_, **__: 10**6)
    found = measure_images("throughput", model=Small(100), batch_sizes="auto", seconds=0.02)
    largest = one(found, "largest_batch_size")
    assert 96 <= largest.value <= 100 and largest.where["limit"] == "memory"
    assert max(m.where["batch_size"] for m in named(found, "throughput")) == 64


@pytest.mark.parametrize(("fits", "cap", "found"), [
    (1, None, (1, "memory")),
    (1000, None, (1000, "memory")),
    (10**9, None, (65_536, "cap")),
    (10**9, 300, (256, "memory cap")),
    (10**9, 0, (1, "memory cap")),
])  # fmt: skip
def test_the_search_for_a_batch(fits, cap, found):
    asked = []

    def try_call(batch_size: int) -> float:
        asked.append(batch_size)
        if batch_size > fits:
            raise MemoryError
        return 0.0

    largest = find_largest(try_call, seconds=1.0, memory_cap=cap)
    assert found[0] * 15 / 16 <= largest.batch_size <= found[0]
    assert largest.limit == found[1] and len(asked) <= 17
    assert largest.powers == [2**n for n in range(20) if 2**n <= largest.batch_size]


def test_a_call_that_was_held_up_once_does_not_end_the_search():
    calls = []

    def try_call(batch_size: int) -> float:
        calls.append(batch_size)
        held_up = batch_size == 8 and calls.count(8) == 1
        return 5.0 if held_up else batch_size / 100

    found = find_largest(try_call, seconds=1.0)
    assert (found.batch_size, found.limit) == (128, "time")
    assert calls == [1, 2, 4, 8, 8, 16, 32, 64, 128, 128]


def test_the_knee_is_the_smallest_near_the_best():
    assert find_knee({1: 10.0, 2: 96.0, 4: 94.0, 8: 100.0}) == 2
    assert find_knee({64: 3.0}) == 64


def test_settings_that_this_machine_does_not_have_are_not_applicable(measure_images):
    for options, words in (
        ({"precision": "tf32"}, "tf32 needs a CUDA device; this one is cpu"),
        ({"precision": "fp16"}, "fp16 needs a CUDA device"),
        ({"backend": "cuda-graph"}, "CUDA graphs need a CUDA device"),
    ):
        with pytest.raises(NotApplicable, match=words):
            measure_images("throughput", batch_sizes=(2,), seconds=0.01, **options)


def test_channels_last_is_for_images(measure_images, measure_tables):
    seen = set()

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filters = nn.Conv2d(2, 3, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            pair = torch.cat([inputs, inputs], 1)
            seen.add(self.filters.weight.is_contiguous(memory_format=torch.channels_last))
            return self.filters(pair).flatten(1)[:, :3]

    model = Looks()
    options = {"batch_sizes": (2,), "seconds": 0.01}
    found = measure_images("throughput", model=model, memory_format="channels_last", **options)
    assert one(found, "throughput").where["memory_format"] == "channels_last"
    assert seen == {True} and model.filters.weight.is_contiguous()  # a copy was laid out
    with pytest.raises(NotApplicable, match=r"lays out images.*\(4,\)"):
        measure_tables("throughput", memory_format="channels_last", **options)


def test_only_what_is_not_the_default_is_said(measure_images):
    options = {"batch_sizes": (2,), "seconds": 0.01}
    where = one(measure_images("throughput", **options), "throughput").where
    assert where.keys() - {"flag"} == {"batch_size", "threads"}
    dtypes = set()

    class Casts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(36, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            outputs = self.inner(inputs.flatten(1))
            dtypes.add(outputs.dtype)
            return outputs

    found = measure_images("throughput", model=Casts(), precision="bf16", **options)
    assert one(found, "throughput").where["precision"] == "bf16" and dtypes == {torch.bfloat16}
    found = measure_images("throughput", model=Casts(), precision="fp32", **options)
    assert dtypes == {torch.bfloat16, torch.float32}


def test_without_onnxruntime_it_says_what_to_install(measure_images, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NotApplicable, match=r"pip install 'model-harness\[onnx\]'"):
        measure_images("throughput", backend="onnxruntime", batch_sizes=(2,), seconds=0.01)


@pytest.mark.slow
def test_onnxruntime(measure_images):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    found = measure_images("throughput", backend="onnxruntime", batch_sizes=(2,), seconds=0.05)
    assert one(found, "throughput").where["backend"] == "onnxruntime"


def test_a_compiler_that_fails_is_not_applicable(measure_images, monkeypatch):
    def refuse(model):
        def call(inputs):
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler\nmore")

        return call

    monkeypatch.setattr("harness_timed.backends.compile_model", refuse)
    with pytest.raises(
        NotApplicable, match=r"torch.compile fails here.*no working C\+\+ compiler$"
    ):
        measure_images("throughput", backend="compile", batch_sizes=(2,), seconds=0.01)


@pytest.mark.slow
def test_compiled(measure_images):
    found = measure_images("throughput", backend="compile", batch_sizes=(2, 4), seconds=0.05)
    assert [m.where["backend"] for m in named(found, "throughput")] == ["compile"] * 2


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("name", ["throughput", "latency"])
@pytest.mark.parametrize("backend", ["eager", "cuda-graph"])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_back_ends_on_cuda(images, classifier, name, backend, precision):
    device = torch.device("cuda", 0)
    context = images(
        name,
        model=copy.deepcopy(classifier).to(device),
        batch_sizes=(8,),
        seconds=0.1,
        backend=backend,
        precision=precision,
        memory_format="channels_last",
    )
    held = image_examples()
    data = InMemory(held.inputs.to(device), held.targets.to(device), held.ids)
    context = replace(context, device=device, split=lambda _: data)
    assert one(measure(context, name), "latency_p50").where["precision"] == precision


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


def wide_context(name: str, folder, features: int = 200, **options):
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
    parameters = 200 * 20_000 + 20_000 + 20_000 * 2 + 2
    packed = 4 * parameters  # libraries may copy the weights into the order of their kernels
    assert 0.95 * 2 * block < resident.value < 1.05 * 2 * block + packed
    assert one(found, "parameter_memory").value == 4 * parameters
    assert one(found, "buffer_memory").value == 0


def test_a_peak_that_is_not_available_is_left_out_with_a_warning(images, monkeypatch):
    def refuse(*_):
        raise NotApplicable("not available on this machine")

    monkeypatch.setattr("harness_timed.memory.peak_resident", refuse)
    with pytest.warns(UserWarning, match="peak_memory is left out: not available"):
        found = measure(images("memory"), "memory")
    assert not named(found, "peak_memory")
    assert one(found, "tensor_peak_memory").value > 0
    monkeypatch.undo()
    monkeypatch.setattr("harness_timed.memory.tensor_peak", refuse)
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
