"""Throughput of training, of steps whose parts take a known time."""

import copy
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_examples, measure, named, one, table_examples
from torch import nn

from harness.api import DataError, NotApplicable
from harness.catalogue.finding import read_findings
from harness_timed.training_throughput import find_bottleneck

PARTS = ("data", "forward", "backward", "optimizer")


class Slow(torch.autograd.Function):
    """The identity; its gradient takes 8 ms."""

    @staticmethod
    def forward(context, inputs):
        return inputs.clone()

    @staticmethod
    def backward(context, gradient):
        time.sleep(0.008)
        return gradient


class Known(nn.Module):
    """Forward takes 4 ms, backward 8 ms, in train mode."""

    def __init__(self, limit: int = 10**6) -> None:
        super().__init__()
        self.inner, self.limit = nn.Linear(36, 3), limit

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert self.training and torch.is_grad_enabled()
        if len(inputs) > self.limit:
            torch.empty(2**50, dtype=torch.uint8)
        time.sleep(0.004)
        return Slow.apply(self.inner(inputs.flatten(1)))


def context(images, model, **options):
    made = images("training_throughput", model=model, **options)
    return replace(made, split=lambda name: {"train": image_examples(100)}[name])


def run(made):
    return measure(made, "training_throughput")


@pytest.mark.exclusive
@pytest.mark.parametrize("batch_size", [16, 300])
def test_the_parts_of_a_step(images, tmp_path, batch_size):
    model = Known().eval()
    weights = copy.deepcopy(model.state_dict())
    found = run(context(images, model, batch_sizes=(batch_size,), seconds=0.3))
    speed = one(found, "training_throughput", batch_size=batch_size, threads=1)
    assert speed.unit == "1/s" and speed.low <= speed.value <= speed.high
    assert speed.value <= batch_size / 0.012
    seconds = {part: one(found, "training_step_seconds", part=part) for part in PARTS}
    assert seconds["forward"].value >= 0.004 and seconds["backward"].value >= 0.008
    assert all(m.low <= m.value <= m.high and m.n == speed.n for m in seconds.values())
    share = {part: one(found, "training_step_share", part=part).value for part in PARTS}
    assert sum(share.values()) == pytest.approx(1, abs=0.1)
    assert share["backward"] > share["forward"] > max(share["data"], share["optimizer"])
    kept = np.load(tmp_path / "samples.npz")
    steps, parts = kept[f"batch_{batch_size}"], kept[f"parts_{batch_size}"]
    assert parts.shape == (speed.n, 4)
    assert np.median(steps) == pytest.approx(batch_size / speed.value)
    rest = steps - parts.sum(1)  # a worker that the system stops between two clocks waits there
    assert np.all(rest >= 0) and np.median(rest) < 0.2 * np.median(steps)
    assert not model.training  # a copy was trained
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_loading_is_timed_alone(images):
    class Slowly(InMemory):
        def batches(self, batch_size):
            for batch in super().batches(batch_size):
                time.sleep(0.03)
                yield batch

    held = image_examples(100)
    made = context(images, Known(), batch_sizes=(50,), seconds=0.2)
    slow = Slowly(held.inputs, held.targets, held.ids)
    found = run(replace(made, split=lambda _: slow))
    speed = one(found, "loading_throughput", batch_size=50, threads=1)
    kept = np.load(made.folder / "samples.npz")
    load, step = (np.median(kept[name]) for name in ("loading_50", "batch_50"))
    assert speed.unit == "1/s" and speed.value == pytest.approx(50 / load) and load >= 0.03
    assert step >= 0.03 + 0.012  # it has its batch fetched
    (said,) = read_findings(made.folder)
    assert said.code == "loading" and said.numbers["share"] == pytest.approx(load / step)


def test_the_bottleneck_is_said_in_words():
    (said,) = find_bottleneck({16: 1.0, 64: 0.03}, {16: 1.0, 64: 0.04})
    assert said.sentence == (
        "In training with batches of 64, loading is the bottleneck, not the model: examples are loaded at 2,133/s and the model "
        "takes 6,400/s; loading is 75% of a step."
    )
    assert list(find_bottleneck({64: 0.001}, {64: 0.04})) == list(find_bottleneck({}, {})) == []


def test_what_does_not_fit_keeps_the_other_figures(images):
    found = run(context(images, Known(limit=8), batch_sizes=(16, 4), seconds=0.02))
    assert one(found, "out_of_memory").where["batch_size"] == 16
    assert one(found, "training_throughput").where["batch_size"] == 4
    with pytest.raises(RuntimeError, match="allocate memory"):
        run(context(images, Known(limit=0), batch_sizes=(16, 4), seconds=0.02))


@pytest.mark.parametrize(
    "options", [{}, {"optimizer": "sgd"}, {"precision": "bf16"}, {"memory_format": "channels_last"}]
)
def test_settings(images, classifier, options):
    found = run(context(images, classifier, seconds=0.05, **options))
    where = one(found, "training_throughput").where
    assert where.keys() - {"flag", "batch_size", "threads"} == options.keys()
    assert where["batch_size"] == 64


def test_regression_trains_on_the_squared_error(tables, regression):
    made = replace(tables("training_throughput", seconds=0.05), split=lambda _: table_examples())
    assert one(run(made), "training_throughput").value > 0


def test_nothing_to_train_and_nothing_to_train_on(images, classifier):
    frozen = copy.deepcopy(classifier).requires_grad_(False)
    with pytest.raises(NotApplicable, match="no trainable parameter"):
        run(context(images, frozen, seconds=0.02))
    whole = image_examples()
    empty = InMemory(whole.inputs[:0], whole.targets[:0], whole.ids[:0])
    with pytest.raises(DataError, match="train split is empty"):
        run(replace(context(images, classifier), split=lambda _: empty))
    with pytest.raises(NotApplicable, match="fp16 needs a CUDA device"):
        run(context(images, classifier, precision="fp16"))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_on_cuda(images, classifier, precision):
    device, held = torch.device("cuda", 0), image_examples()
    data = InMemory(held.inputs.to(device), held.targets.to(device), held.ids)
    made = images(
        "training_throughput",
        model=copy.deepcopy(classifier).to(device),
        seconds=0.3,
        precision=precision,
    )
    found = run(replace(made, device=device, split=lambda _: data))
    total = sum(metric.value for metric in named(found, "training_step_seconds"))
    speed = one(found, "training_throughput")
    assert total == pytest.approx(64 / speed.value, rel=0.3)
