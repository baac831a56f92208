"""Certificates as items, on a linear model whose margins are known, and beside each other."""

import pytest
import torch
from torch import nn

from harness.api import Budget, NotApplicable
from harness_certified.certify import crown, interval_bounds, lipschitz


def linear() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Class 0 leads by the sum of four coordinates less 2: by 0.4 and 0.04, and at the last it trails."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0] * 4, [0.0] * 4]))
        model[1].bias.copy_(torch.tensor([-2.0, 0.0]))
    inputs = torch.tensor([0.6, 0.51, 0.4])[:, None].expand(3, 4).reshape(3, 1, 2, 2).clone()
    return model.eval(), inputs, torch.zeros(3, dtype=torch.long)


@pytest.mark.parametrize("certify", [interval_bounds, crown])
@pytest.mark.parametrize(("epsilon", "proved"), [(0.009, 2), (0.011, 1), (0.099, 1), (0.101, 0)])
def test_linf_bounds_of_a_linear_model_are_exact(certify, epsilon, proved):
    found = certify(*linear(), Budget("linf", epsilon, 0.0, 1.0))
    assert found.tolist() == [place < proved for place in range(3)]


def test_the_speed_of_a_linear_model_bounds_its_answer():
    # norm of the weights 2, so the bound is at 0.4 / (2 sqrt 2) = 0.1414
    for epsilon, proved in ((0.14, 1), (0.143, 0)):
        found = lipschitz(*linear(), Budget("l2", epsilon, 0.0, 1.0))
        assert found.tolist() == [place < proved for place in range(3)]


def test_nothing_is_proved_within_rounding():
    model, inputs, targets = linear()
    inputs[0] = 0.500005
    assert not crown(model, inputs, targets, Budget("linf", 0.0, 0.0, 1.0))[0]


class Drawing(nn.Module):
    """Functional dropout, which is on unless it is told that no training is done."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model(nn.functional.dropout(inputs))


class Noisy(Drawing):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model(inputs + 0.01 * torch.rand(1))


def training(model: nn.Module) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(1), model).train()


@pytest.mark.parametrize("certify", [interval_bounds, crown, lipschitz])
@pytest.mark.parametrize("change", [Drawing, Noisy, training])
def test_a_model_that_answers_otherwise_than_it_is_read_is_refused(certify, change):
    model, inputs, targets = linear()
    norm = "l2" if certify is lipschitz else "linf"
    with torch.random.fork_rng(), pytest.raises(NotApplicable, match="draw no random numbers"):
        torch.manual_seed(0)
        certify(change(model), inputs, targets, Budget(norm, 0.001, 0.0, 1.0))
