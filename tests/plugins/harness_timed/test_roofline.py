"""Throughput as a share of a ceiling that is given, and so of a known value."""

from dataclasses import replace

import pytest
import torch
from measure_cases import image_examples, measure, named, one
from torch import nn

from harness.api import Metric
from harness.api.measuring import Ceiling, Ceilings
from harness_timed import roofline
from harness_timed.options import ThroughputOptions

MATRIX, BANDWIDTH = 4e9, 2e9
PARTS = (
    "achieved_flops",
    "arithmetic_intensity",
    "matrix_ceiling",
    "bandwidth_ceiling",
)


def ceilings(threads: int | None = 1, precision: str = "fp32") -> Ceilings:
    none = {"threads": threads, "low": None, "high": None, "n": 1, "size": 1}
    rates = (
        Ceiling(kind="matrix", precision=precision, value=MATRIX, **none),
        Ceiling(kind="copy", precision="", value=BANDWIDTH, **none),
    )
    return Ceilings(hardware="", measured="", rates=rates)


@pytest.fixture
def known(monkeypatch):
    """Let the machine have these ceilings."""

    def let(found: Ceilings | None) -> None:
        monkeypatch.setattr(roofline, "read_ceilings", lambda device: found)

    let(ceilings())
    return let


def shares(found: list[Metric]) -> list[Metric]:
    return [m for m in found if m.name.endswith("share_of_ceiling") or m.name in PARTS]


@pytest.mark.parametrize("bound", ["memory", "matrix"])
def test_the_share_of_inference_is_flops_times_speed_over_the_roof(
    measure_images, known, monkeypatch, bound
):
    b, i, o = 8, 36, 3
    if bound == "matrix":
        monkeypatch.setattr(f"{__name__}.BANDWIDTH", 1e15)
        known(ceilings())
    model = nn.Sequential(nn.Flatten(), nn.Linear(i, o))
    found = measure_images("throughput", model=model, batch_sizes=(b,), seconds=0.05)
    speed = one(found, "throughput")
    share = one(found, "throughput_share_of_ceiling")
    flops, moved = 2 * i * o, 4 * (b * i + i * o + o + b * o)
    intensity = one(found, "arithmetic_intensity").value
    assert intensity == pytest.approx(b * flops / moved)
    roof = MATRIX if bound == "matrix" else BANDWIDTH * intensity
    assert share.unit == "ratio" and share.n == speed.n
    assert share.value == pytest.approx(speed.value * flops / roof)
    assert share.value / share.low == pytest.approx(speed.value / speed.low)
    assert share.high / share.value == pytest.approx(speed.high / speed.value)
    assert one(found, "achieved_flops").value == pytest.approx(speed.value * flops)
    assert one(found, "matrix_ceiling").value == MATRIX
    assert one(found, "bandwidth_ceiling").value == BANDWIDTH
    assert all(dict(m.where) == dict(speed.where) for m in shares(found))


def test_a_rate_over_the_matrix_rate_says_that_this_is_to_be_measured_anew(
    measure_images, known, monkeypatch
):
    """A ceiling that was measured on a busy machine flattered every model, without a word."""
    monkeypatch.setattr(f"{__name__}.MATRIX", 10.0)
    known(ceilings())
    found = measure_images("throughput", batch_sizes=(8,), seconds=0.05)
    marked = {m.name for m in shares(found) if roofline.TOO_LOW in m.where.get("flag", "")}
    assert marked == {"throughput_share_of_ceiling", "matrix_ceiling"}


def test_each_batch_size_has_one_and_a_larger_one_is_more_intense(measure_images, known):
    found = measure_images("throughput", batch_sizes=(1, 16), seconds=0.03)
    assert len(shares(found)) == 2 * 5
    few, many = (one(found, "arithmetic_intensity", batch_size=n).value for n in (1, 16))
    assert few < many


def test_training_counts_the_backward_pass_and_the_optimizers_bytes(images, known):
    b, i, o = 16, 36, 3
    model = nn.Sequential(nn.Flatten(), nn.Linear(i, o))
    made = images("training_throughput", model=model, batch_sizes=(b,), seconds=0.05)
    made = replace(made, split=lambda name: {"train": image_examples(100)}[name])
    found = measure(made, "training_throughput")
    speed = one(found, "training_throughput")
    flops = 2 * (2 * i * o)  # forward, and the weight's gradient: the inputs need none
    assert one(found, "achieved_flops").value == pytest.approx(speed.value * flops)
    moved = b * flops / one(found, "arithmetic_intensity").value
    parameters = 4 * (i * o + o)
    inference = 4 * (b * i + i * o + o + b * o)
    assert moved > 2 * inference + 7 * parameters  # AdamW reads four of each and writes three
    assert moved < 2 * inference + 7 * parameters + 4000  # the loss, on (16, 3) logits
    share = one(found, "training_throughput_share_of_ceiling")
    assert share.low <= share.value <= share.high
    assert all(parameter.grad is None for parameter in model.parameters())


def test_nothing_is_said_where_the_ceiling_is_not_known(measure_images, known):
    for found in (None, ceilings(threads=64), ceilings(precision="bf16")):
        known(found)
        assert shares(measure_images("throughput", batch_sizes=(4,), seconds=0.02)) == []


def test_a_precision_has_its_own_ceiling(images, known):
    known(ceilings(precision="bf16"))
    made = images("throughput")
    assert roofline.find_roof(made, ThroughputOptions()) is None
    expected = roofline.Roof(MATRIX, BANDWIDTH)
    assert roofline.find_roof(made, ThroughputOptions(precision="bf16")) == expected
    assert roofline.find_roof(replace(made, precision="bf16"), ThroughputOptions()) == expected


def test_convolutions_in_fp32_may_use_tf32_on_cuda(images, known):
    made = replace(images("throughput"), device=torch.device("cuda:0"))
    known(ceilings(threads=None, precision="tf32"))
    assert roofline.find_roof(made, ThroughputOptions()) is not None
    assert roofline.find_roof(made, ThroughputOptions(precision="fp32")) is None
    known(ceilings(threads=None))
    assert roofline.find_roof(made, ThroughputOptions()) is None
    assert roofline.find_roof(made, ThroughputOptions(precision="fp32")) is not None


def test_a_model_that_cannot_be_followed_keeps_its_throughput(measure_images, known):
    class Peeks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(36, 3)

        def forward(self, inputs):
            flat = inputs.flatten(1)
            return self.inner(flat if flat.sum().item() >= 0 else -flat)

    with pytest.warns(UserWarning, match="shares of the ceiling are left out: the bytes"):
        found = measure_images("throughput", model=Peeks(), batch_sizes=(4, 8), seconds=0.02)
    assert shares(found) == [] and len(named(found, "throughput")) == 2


def test_a_model_without_products_has_no_share(measure_images, known):
    class Flat(nn.Module):
        def forward(self, inputs):
            return inputs.flatten(1)[:, :3] + 1

    found = measure_images("throughput", model=Flat(), batch_sizes=(4,), seconds=0.02)
    assert shares(found) == [] and len(named(found, "throughput")) == 1
