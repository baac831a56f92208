"""Peaks against allocations of a known size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.errors import NotApplicable
from harness.measure import memory, tensor_memory
from harness.measure.memory import cuda_peaks, memory_rise, parse_status, peak_resident
from harness.measure.tensor_memory import predict_largest_batch, tensor_peak, training_peak
from harness.measure.training_step import adamw_with_state, training_step

MIB = 2**20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Allocates(nn.Module):
    """Holds `mib` MiB for a moment and gives them back."""

    def __init__(self, mib: int) -> None:
        super().__init__()
        self.mib = mib

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        block = torch.ones(self.mib * MIB // 4)
        return inputs + block[0]


@linux
@pytest.mark.parametrize("mib", [128, 200])  # more than malloc may have kept of what was freed
def test_resident_peak_of_a_known_tensor(mib):
    model, inputs = Allocates(mib), torch.zeros(3)
    big = torch.ones(100 * MIB)  # an earlier, higher mark that must not be seen
    del big
    found = peak_resident(lambda: model(inputs))
    assert found.bytes == pytest.approx(mib * MIB, rel=0.05)
    assert found.baseline > 10 * MIB
    assert found.method == "high-water mark"


@linux
def test_what_was_freed_before_is_not_free_of_charge():
    """Slack that the allocator keeps is handed back first, or the call would find it there."""
    small = [torch.ones(1000) for _ in range(20_000)]  # 80 MB in the heap, not mapped apart
    del small
    found = peak_resident(lambda: [torch.ones(1000) for _ in range(20_000)])
    assert found.bytes == pytest.approx(20_000 * 4000, rel=0.25)  # and 20,000 tensors' own size


@linux
def test_without_the_reset_it_is_sampled(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "missing" / "clear_refs")

    def hold() -> None:
        block = torch.ones(64 * MIB // 4)
        for _ in range(50):
            block.add_(1)

    found = peak_resident(hold)
    assert found.method == "sampled"
    assert found.bytes == pytest.approx(64 * MIB, rel=0.05)


def test_without_proc_it_is_not_available(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "clear_refs")
    with pytest.raises(NotApplicable, match="not available on this machine"):
        peak_resident(lambda: None)


def test_fields_are_read_in_bytes():
    text = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"
    assert parse_status(text, "VmHWM") == 2 * MIB
    assert parse_status(text, "VmRSS") == MIB
    with pytest.raises(KeyError):
        parse_status(text, "VmSwap")


def test_cuda_peaks_need_cuda():
    with pytest.raises(NotApplicable, match="'cpu'"):
        cuda_peaks(lambda: None, torch.device("cpu"))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_cuda_peaks_of_a_known_tensor():
    device = torch.device("cuda")
    found = cuda_peaks(lambda: torch.ones(64 * MIB // 4, device=device), device)
    assert found.allocated == pytest.approx(64 * MIB, rel=0.02)
    assert found.process >= found.reserved >= found.allocated
    assert found.method in ("nvml", "device memory")


def test_tensor_peak_by_hand():
    """64 x 1000 -> 2000 -> ReLU -> 500: the widest moment holds two blocks of 64 x 2000 floats."""
    model = nn.Sequential(nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 500))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = tensor_peak(model, torch.zeros(64, 1000))
    assert found == 2 * 64 * 2000 * 4
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert tensor_peak(model, torch.zeros(64, 1000)) == found  # a second time, in its own context
    assert tensor_peak(model, torch.zeros(1, 1000)) == found // 64


def test_tensor_peak_of_attention_and_recurrence():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    assert tensor_peak(layer, torch.zeros(4, 9, 16)) >= 4 * 9 * 16 * 4
    assert tensor_peak(nn.GRU(5, 7, batch_first=True), torch.zeros(4, 9, 5)) >= 4 * 9 * 7 * 4


def test_a_model_that_cannot_be_followed_says_so():
    class Reads(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * float(inputs.sum())

    with pytest.raises(NotApplicable, match="cannot be tracked here"):
        tensor_peak(Reads(), torch.zeros(3))


def two_layers() -> nn.Module:
    return nn.Sequential(nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 500))


NUMBERS = 1000 * 2000 + 2000 + 2000 * 500 + 500  # of its parameters


def test_parts_of_training_where_the_optimizer_s_step_is_the_peak():
    """One example: all gradients are there, with two temporaries of the largest parameter."""
    model = two_layers()
    before = [parameter.clone() for parameter in model.parameters()]
    peak = training_peak(model, torch.zeros(1, 1000))
    assert peak.parts["parameters"] == peak.parts["gradients"] == 4 * NUMBERS
    assert peak.parts["optimizer_state"] == 2 * 4 * NUMBERS + 4 * 4  # and four counts of steps
    assert peak.parts["inputs"] == 4 * 1000
    assert peak.parts["temporary"] == 2 * 4 * 1000 * 2000
    assert peak.parts["activations"] < 4 * 1000
    assert sum(peak.parts.values()) == peak.total
    assert peak.rise == sum(peak.parts[p] for p in ("gradients", "activations", "temporary"))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_parts_of_training_where_the_backward_pass_is_the_peak():
    """Many examples: behind the ReLU its output is kept, and two gradients of that size are made."""
    batch_size, block = 20_000, 4 * 20_000 * 2000
    peak = training_peak(two_layers(), torch.zeros(batch_size, 1000))
    assert peak.parts["parameters"] == 4 * NUMBERS
    assert peak.parts["inputs"] == 4 * batch_size * 1000
    assert peak.parts["temporary"] == 2 * block
    assert peak.parts["activations"] == pytest.approx(block + 4 * batch_size * 500, rel=1e-3)
    assert peak.parts["gradients"] == 4 * (2000 * 500 + 500)  # of the last layer alone
    assert sum(peak.parts.values()) == peak.total


def test_buffers_and_frozen_parameters_in_training():
    model = nn.Sequential(nn.Linear(50, 60), nn.BatchNorm1d(60), nn.Linear(60, 70))
    model[0].requires_grad_(False)
    peak = training_peak(model.eval(), torch.zeros(2, 50))
    trained = 2 * 60 + 60 * 70 + 70
    assert peak.parts["buffers"] == 4 * 2 * 60 + 8
    assert peak.parts["gradients"] == 4 * trained
    assert peak.parts["optimizer_state"] == 2 * 4 * trained + 4 * 4
    assert not model.training
    with pytest.raises(NotApplicable, match="no trainable parameter"):
        training_peak(model.requires_grad_(False), torch.zeros(2, 50))


def test_a_step_of_training_costs_and_changes_nothing():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = adamw_with_state(model)
    assert len(optimizer.state) == 4
    training_step(model, optimizer, torch.ones(5, 3))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert optimizer.state[model[2].bias]["exp_avg"].abs() > 0  # it had a gradient


WEIGH_A_STEP = """
import torch
from torch import nn
from harness.measure.memory import peak_resident
from harness.measure.tensor_memory import training_peak
from harness.measure.training_step import adamw_with_state, training_step

torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 500))
inputs = torch.zeros(8000, 1000)
optimizer = adamw_with_state(model)
training_step(model, optimizer, inputs[:2])
found = peak_resident(lambda: training_step(model, optimizer, inputs)).bytes
print(found, training_peak(model, inputs).rise)
"""


@pytest.mark.slow
@linux
def test_resident_peak_of_a_step_of_training_is_near_the_tensors():
    # In a process of its own, as a job is: what other tests have freed would be taken again.
    done = subprocess.run(
        [sys.executable, "-c", WEIGH_A_STEP],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    found, expected = map(int, done.stdout.split())  # some 212 MB
    assert found == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mebibytes", [70, 90, 120, 400, 5000])
def test_the_predicted_batch_fits_and_a_larger_one_does_not(training, mebibytes):
    """By the tensors' own count; in training another moment is the peak where memory is scarce."""
    model, memory = two_layers(), mebibytes * MIB
    found = predict_largest_batch(model, (1000,), memory, training=training)

    def total(batch_size: int) -> int:
        inputs = torch.empty(batch_size, 1000)
        if training:
            return training_peak(model, inputs).total
        return 4 * NUMBERS + inputs.nbytes + tensor_peak(model, inputs)

    assert total(found) <= memory < total(int(1.02 * found) + 1)


@pytest.mark.parametrize("training", [False, True])
def test_three_passes_predict_it_where_memory_is_ample(training, monkeypatch):
    passes = []
    follow = tensor_memory._followed
    monkeypatch.setattr(
        tensor_memory, "_followed", lambda *given: passes.append(given[1]) or follow(*given)
    )
    small = torch.nn.Sequential(torch.nn.Linear(12, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
    found = predict_largest_batch(small, (12,), 1000 * MIB, training=training)
    assert len(passes) == 3 and passes[-1] == (found, 12)


def test_where_nothing_fits_the_largest_batch_is_0():
    for training in (False, True):
        assert predict_largest_batch(two_layers(), (1000,), MIB, training=training) == 0


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_the_predicted_batch_is_the_one_that_a_search_finds(name):
    """Within 15 %, in a process whose memory is bounded at 192 MiB over what it holds."""
    script = Path(__file__).with_name("largest_batch_search.py")
    command = [sys.executable, str(script), name, "192"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert answer.returncode == 0, answer.stderr
    for predicted, found in json.loads(answer.stdout).values():
        assert predicted == pytest.approx(found, rel=0.15)


@linux
def test_the_rise_of_memory_is_what_was_held_at_once():
    size, found = 64 * 2**20, []
    for _ in range(20):  # the kernel may take back as many pages that lay idle meanwhile
        with memory_rise(torch.device("cpu")) as rise:
            held = torch.ones(size // 4)
            del held
            torch.ones(size // 16)
            found.append(rise())
        if found[-1] == pytest.approx(size, rel=0.1):
            break
    assert found[-1] == pytest.approx(size, rel=0.1), found
