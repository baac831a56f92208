"""Accuracy by the length of texts and bits by context: by hand, and what does not apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, named
from torch import nn

from harness.api import NotApplicable, Task, TextCode
from harness.api.measuring import wilson
from harness_quality.by_length import check

TEXT = TextCode(by="bytes", padding=0)
TASK = Task(
    modality="tokens", problem="classification", input_shape=(10,), outputs=2, low=0.0, high=255.0, text=TEXT,
)  # fmt: skip
NEXT = replace(TASK, problem="next_token", outputs=4, high=3.0, text=TextCode(by="bytes"))


class FirstToken(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(inputs[:, 0] - 1, 2).float()


def test_each_length_has_its_own_share(tmp_path: Path) -> None:
    lengths = [2] * 10 + [5] * 20 + [10] * 10
    right = [True] * 9 + [False] + [True] * 5 + [False] * 15 + [True] * 10
    inputs = torch.zeros(40, 10, dtype=torch.int64)
    for row, length in enumerate(lengths):
        inputs[row, :length] = 2
    targets = torch.tensor([int(one) for one in right])  # the first token says 1
    data = InMemory(inputs, targets, torch.arange(40).flip(0))
    context = make_context("by_length", FirstToken(), data, TASK, tmp_path, groups=4)
    found = {m.where["length"]: m for m in named(measure(context, "by_length"), "length_accuracy")}
    assert {key: (m.value, m.n) for key, m in found.items()} == {
        2: (0.9, 10), 5: (0.25, 20), 10: (1.0, 10),
    }  # fmt: skip
    assert (found[5].low, found[5].high) == wilson(0.25, 20)


class Sure(nn.Module):
    """Tells the next token the better the more came before: 2^-k of 4 tokens' probability is left over at step k."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(1, inputs.shape[1] + 1)
        rest = (0.75 * 0.5**steps)[None, :, None] / 3
        own = nn.functional.one_hot((inputs + 1) % 4, 4)
        return torch.where(own > 0, 1 - 3 * rest, rest).log()


def test_bits_by_context_are_those_of_the_probabilities(tmp_path: Path) -> None:
    inputs = torch.arange(60).view(6, 10) % 4
    data = InMemory(inputs, (inputs + 1) % 4, torch.arange(6))
    context = make_context("by_length", Sure(), data, NEXT, tmp_path)
    found = {m.where["context"]: m for m in named(measure(context, "by_length"), "context_bits")}
    bits = -np.log2(1 - 0.75 * 0.5 ** np.arange(1, 11))
    expected = {
        1: bits[0],
        2: bits[1],
        4: bits[2:4].mean(),
        8: bits[4:8].mean(),
        10: bits[8:].mean(),
    }
    assert {key: m.value for key, m in found.items()} == pytest.approx(expected, rel=1e-4)
    assert found[4].low == pytest.approx(found[4].high)  # all windows are alike


def test_windows_of_one_length_are_refused_before_a_fit() -> None:
    check(TASK)
    check(NEXT)
    with pytest.raises(NotApplicable, match="all examples are of one length"):
        check(replace(TASK, text=TextCode(by="bytes")))
