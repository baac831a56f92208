"""Peaks against allocations of a known size."""

import sys

import pytest
import torch
from torch import nn

from harness.errors import NotApplicable
from harness.measure import memory
from harness.measure.memory import cuda_peaks, parse_status, peak_resident, tensor_peak

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
@pytest.mark.parametrize("mib", [32, 200])
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
    assert found.reserved >= found.allocated


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
