"""The inner search of adversarial training, where the worst point of the ball is known."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from objective_cases import batch, draws, moody_net, task
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget
from harness.api.training import SearchTwins
from harness_training import fast_at, pgd_at, trades
from harness_training.ball_search import ascend, cross_entropy_of, evaluating
from harness_training.options import FastAtOptions, PgdAtOptions, TradesOptions


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 5])
def test_it_stays_in_ball_and_box_and_the_loss_rises(norm: str, steps: int) -> None:
    model, inputs, targets = batch(32)
    budget = Budget(norm, 0.2, 0.0, 1.0)
    loss = cross_entropy_of(model, targets)
    start = budget.random(inputs, draws(32))
    found = ascend(loss, inputs, start, budget, steps=steps, step_size=None)
    assert not found.requires_grad
    assert found.min() >= 0 and found.max() <= 1
    assert budget.size(found - inputs).max() <= 0.2 + 1e-6
    with torch.no_grad():
        assert loss(found) > loss(start) and loss(found) > loss(inputs)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_worst_point_of_a_linear_model_is_found(norm: str) -> None:
    """Two classes: along the difference of the rows of the weights, epsilon away."""
    torch.manual_seed(0)
    model = nn.Linear(6, 2)
    inputs, targets = torch.rand(9, 6), torch.zeros(9, dtype=torch.int64)
    budget = Budget(norm, 0.3, -5.0, 5.0)
    found = ascend(
        cross_entropy_of(model, targets),
        inputs,
        budget.random(inputs, draws(9)),
        budget,
        steps=30,
        step_size=0.3,
    )
    towards = (model.weight[1] - model.weight[0]).detach()
    unit = towards.sign() if norm == "linf" else towards / towards.norm()
    torch.testing.assert_close(found, inputs + 0.3 * unit, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("step_size", "length"), [(None, 2.5 * 0.4 / 5), (0.03, 0.03)])
def test_lengths_of_steps(step_size: float | None, length: float) -> None:
    seen = []

    def loss(at: Tensor) -> Tensor:
        seen.append(at.detach().clone())
        return at.sum()

    inputs = torch.zeros(2, 3)
    budget = Budget("linf", 0.4, -1.0, 1.0)
    last = ascend(loss, inputs, inputs, budget, steps=5, step_size=step_size)
    wanted = [min(length * step, 0.4) for step in range(6)]
    for at, distance in zip([*seen, last], wanted, strict=True):
        torch.testing.assert_close(at, torch.full((2, 3), distance))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_without_a_gradient_nothing_moves(norm: str) -> None:
    inputs = torch.rand(3, 4)
    budget = Budget(norm, 0.5, 0.0, 1.0)
    found = ascend(lambda at: (0 * at).sum(), inputs, inputs, budget, steps=3, step_size=None)
    torch.testing.assert_close(found, inputs)


def test_modes_are_restored_one_by_one() -> None:
    model = moody_net()
    model[1].eval()  # a frozen norm stays frozen
    with pytest.raises(RuntimeError, match="stop"), evaluating(model):
        assert not any(module.training for module in model.modules())
        raise RuntimeError("stop")
    assert [module.training for module in model] == [True, False, True, True, True]
    assert model.training


@pytest.mark.parametrize(
    ("build", "options", "passes"),
    [
        (pgd_at.build, PgdAtOptions(epsilon=0.1, steps=5), 1),
        (fast_at.build, FastAtOptions(epsilon=0.1), 1),
        (trades.build, TradesOptions(epsilon=0.1, steps=5), 2),
    ],
)
def test_searches_pass_no_batch_norm_behind_a_convolution(
    monkeypatch: pytest.MonkeyPatch, build: Any, options: Any, passes: int
) -> None:
    """But where the model is looked at, with the first batch; and the loss is what it would be with them."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3)
    )
    inputs, targets = torch.rand(8, 1, 4, 4), torch.arange(8) % 3
    for _ in range(20):
        net(torch.rand(8, 1, 4, 4))
    losses, modes, normalise = [], [], functional.batch_norm

    def counted(*given: Any) -> Tensor:
        modes.append(given[5])
        return normalise(*given)

    monkeypatch.setattr(functional, "batch_norm", counted)
    for looks in (True, False):
        if not looks:
            monkeypatch.setattr(SearchTwins, "of", lambda self, model, inputs: model)
        model, objective = copy.deepcopy(net), build(task(input_shape=(1, 4, 4)), options)
        objective(model, inputs, targets, draws(8))
        modes.clear()
        loss, _ = objective(model, inputs, targets, draws(8))
        assert modes.count(True) == passes
        assert looks is (modes.count(False) == 0)
        losses.append(loss.detach())
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)
