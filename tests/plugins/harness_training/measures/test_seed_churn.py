"""Churn: the share of answers that two seeds do not share, by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import image_examples, image_task, make_context, measure, one
from torch import nn

from harness.api import FittedModel
from harness_training.measures.seed_churn import mean_churn


def test_it_is_the_mean_over_pairs():
    answers = np.array(
        [[0, 1, 2, 0], [0, 1, 1, 0], [0, 2, 2, 0]]
    )  # pairs differ in 1, 1 and 2 of 4
    share, low, high = mean_churn(answers)
    assert share == pytest.approx((1 + 1 + 2) / 12)
    assert 0 < low < share < high < 1


def test_no_change_has_an_interval_from_0():
    share, low, high = mean_churn(np.zeros((3, 100), dtype=np.int64))
    assert (share, low) == (0, 0) and 0 < high < 0.05


class Says(nn.Module):
    """Answers class `k` for the first examples in the order of the data, 0 for the others."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, x):
        bright = x.mean((1, 2, 3)) > 0.25
        return nn.functional.one_hot(torch.where(bright, self.k, 0), 3).float()


def test_seeds_are_compared_example_by_example(tmp_path):
    examples = image_examples()
    models = tuple(
        FittedModel(architecture="net", recipe="", dataset="d", seed=seed, load=lambda k=k: Says(k))
        for seed, k in enumerate((0, 1, 1))
    )
    context = make_context("seed_churn", Says(0), examples, image_task(), tmp_path)
    found = one(measure(replace(context, fits=models), "seed_churn"), "churn")
    bright = float((examples.inputs.mean((1, 2, 3)) > 0.25).float().mean())
    assert 0 < bright < 1
    assert found.value == pytest.approx(2 / 3 * bright)
