"""Throughput without and with what makes answers of outputs, of calls whose length is known."""

import time

import pytest
import torch
from measure_cases import InMemory, make_context, measure, one
from torch import nn

from harness.api import NotApplicable, Task
from harness_problems import segmentation

TASK = Task(
    modality="image", problem="segmentation", input_shape=(1, 2, 2), outputs=2, low=0.0, high=1.0
)


class Slow(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        time.sleep(0.004)
        return torch.cat([inputs, -inputs], 1)


def test_answers_take_longer_than_outputs(tmp_path, monkeypatch):
    def answer(outputs: torch.Tensor) -> torch.Tensor:
        time.sleep(0.004)
        return outputs.argmax(1)

    monkeypatch.setattr(segmentation, "answer", answer)
    data = InMemory(
        torch.rand(8, 1, 2, 2), torch.zeros(8, 2, 2, dtype=torch.uint8), torch.arange(8)
    )
    context = make_context(
        "answer_throughput", Slow(), data, TASK, tmp_path, batch_sizes=(4,), seconds=0.2
    )
    found = measure(context, "answer_throughput")
    plain, whole = (one(found, f"{name}_throughput") for name in ("output", "answer"))
    assert plain.unit == whole.unit == "1/s" and plain.where["batch_size"] == 4
    assert whole.value < plain.value <= 4 / 0.004
    assert whole.value <= 4 / 0.008
    assert whole.low <= whole.value <= whole.high


def test_classes_are_answered_by_their_outputs(measure_images):
    with pytest.raises(NotApplicable, match="classification says of no outputs"):
        measure_images("answer_throughput")
