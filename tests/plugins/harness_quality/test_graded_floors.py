"""Bits per byte of unigrams and bigrams against the entropies of a Markov chain, and of models that look ahead."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, one
from torch import nn

from harness.api import Task

STAYS = 0.9  # the chance that a symbol of the chain is followed by itself; both come equally often
STEPS = 50


def binary_entropy(share: float) -> float:
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)


def chain(n: int, seed: int) -> InMemory:
    generator = np.random.default_rng(seed)
    moves = generator.random((n, STEPS + 1)) > STAYS
    moves[:, 0] = generator.random(n) < 0.5
    symbols = torch.as_tensor(moves.cumsum(1) % 2)
    return InMemory(symbols[:, :-1], symbols[:, 1:], torch.randperm(n))


@pytest.fixture
def context(tmp_path):
    task = Task(
        modality="tokens",
        problem="next_token",
        input_shape=(STEPS,),
        outputs=2,
        low=0.0,
        high=1.0,
        counts={"train": 400, "validation": 1, "test": 400},
    )

    def make(name: str, model: nn.Module | None = None):
        made = make_context(name, model or nn.Identity(), chain(400, 1), task, tmp_path)
        data = {"train": chain(400, 0), "test": chain(400, 1)}
        return replace(made, split=data.__getitem__)

    return make


class Next(nn.Module):
    """Says what it is told: the logits of the chain, or the answer itself where it looks ahead."""

    def __init__(self, *, ahead: bool) -> None:
        super().__init__()
        self.ahead = ahead

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        said = inputs.roll(-1, 1) if self.ahead else inputs
        return torch.tensor([[STAYS, 1 - STAYS], [1 - STAYS, STAYS]]).log()[said]


def test_floors_cost_the_entropies_of_the_chain(context, tmp_path):
    found = measure(context("floors"), "floors")
    constant = one(found, "bits_per_byte", architecture="constant")
    bigram = one(found, "bits_per_byte", architecture="bigram")
    assert constant.value == pytest.approx(1.0, abs=0.001)
    assert bigram.value == pytest.approx(binary_entropy(STAYS), abs=0.02)
    assert bigram.low < binary_entropy(STAYS) < bigram.high
    assert bigram.examples == ("-grade_bigram",)
    with np.load(tmp_path / "examples.npz") as kept:
        assert kept["grade_bigram"].mean() == pytest.approx(bigram.value)
        assert (np.diff(kept["ids"]) > 0).all()


def test_a_model_that_knows_the_chain_costs_its_entropy(context):
    (found,) = measure(context("accuracy", Next(ahead=False)), "accuracy")
    assert found.name == "bits_per_byte" and found.n == 400 and not found.where
    assert found.low < binary_entropy(STAYS) < found.high
    assert found.examples == ("-grade",)


def test_a_model_that_is_given_the_answers_is_found_out(context, tmp_path):
    (found,) = measure(context("accuracy", Next(ahead=True)), "accuracy")
    assert found.where == {"flag": "answers depend on what comes later"}
    assert "The model is given the answers" in (tmp_path / "findings.json").read_text()


def test_outputs_that_are_not_finite_make_no_figure(context):
    class Broken(Next):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().forward(inputs) * torch.nan

    figure, share = measure(context("accuracy", Broken(ahead=False)), "accuracy")
    assert math.isnan(figure.value) and figure.low is None
    assert share.name == "nonfinite_share" and share.value == 1
