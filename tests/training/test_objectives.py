"""Objectives against their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from harness.api import Budget, Draws, Task
from harness_training import adversarial, cross_entropy, mixup, squared_error
from harness_training.options import AdversarialOptions, CrossEntropyOptions, MixupOptions


def task(problem: str = "classification", **changes: Any) -> Task:
    values: dict[str, Any] = {"outputs": 3, "low": 0.0, "high": 1.0, "input_shape": (6,)}
    return Task(modality="table", problem=problem, **(values | changes))


def draws(count: int, key: int = 5) -> Draws:
    return Draws(key, torch.arange(count) + 11)


def batch(count: int = 8) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return nn.Linear(6, 3), torch.rand(count, 6), torch.arange(count) % 3


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy(smoothing: float) -> None:
    model, inputs, targets = batch()
    loss, logits = cross_entropy.build(CrossEntropyOptions(label_smoothing=smoothing))(
        model, inputs, targets, draws(8)
    )
    assert torch.equal(logits, model(inputs))
    log_probabilities = logits - logits.exp().sum(1, keepdim=True).log()
    wanted = torch.full((8, 3), smoothing / 3)
    wanted[torch.arange(8), targets] += 1 - smoothing
    torch.testing.assert_close(loss, -(wanted * log_probabilities).sum(1).mean())


def test_squared_error() -> None:
    model, inputs, _ = nn.Linear(6, 1), torch.rand(5, 6), None
    targets = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0])
    objective = squared_error.build(task("regression", outputs=1, target_std=4.0))
    loss, outputs = objective(model, inputs, targets, draws(5))
    assert outputs.shape == (5, 1)
    torch.testing.assert_close(loss, ((outputs[:, 0] - targets) ** 2).mean() / 16)


def test_squared_error_of_the_mean_is_one() -> None:
    targets = torch.tensor([1.0, 5.0, 9.0])
    spread = targets.std(correction=0).item()
    objective = squared_error.build(task("regression", outputs=1, target_std=spread))

    class Mean(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.full((len(inputs), 1), 5.0)

    assert objective(Mean(), torch.zeros(3, 6), targets, draws(3))[0].item() == pytest.approx(1.0)


def test_mixup_formula() -> None:
    model, inputs, targets = batch()
    given = draws(8)
    loss, logits = mixup.build(MixupOptions(alpha=0.5))(model, inputs, targets, given)
    assert logits is None
    shares = mixup.draw_shares(given, 0.5)
    partner = given.uniform("mixup/partner").argsort()
    assert sorted(partner.tolist()) == list(range(8))
    expected = 0.0
    for i, j in enumerate(partner.tolist()):
        share = shares[i].item()
        output = model(share * inputs[i] + (1 - share) * inputs[j]).log_softmax(0)
        expected -= (share * output[targets[i]] + (1 - share) * output[targets[j]]).item() / 8
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_shares_follow_a_beta_distribution(alpha: float) -> None:
    from scipy import stats

    shares = mixup.draw_shares(draws(4000), alpha).numpy()
    assert shares.min() >= 0 and shares.max() <= 1
    assert stats.kstest(shares.astype(np.float64), stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_shares_belong_to_examples() -> None:
    index = torch.tensor([5, 2])
    shares = mixup.draw_shares(draws(9), 0.2)
    assert torch.equal(mixup.draw_shares(draws(9).select(index), 0.2), shares[index])


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 5])
def test_adversarial_stays_in_ball_and_box_and_hurts(norm: str, steps: int) -> None:
    model, inputs, targets = batch(32)
    options = AdversarialOptions.model_validate({"norm": norm, "steps": steps, "epsilon": 0.2})
    budget = Budget(norm, 0.2, 0.0, 1.0)
    found = adversarial.search(model, inputs, targets, budget, draws(32), options)
    assert not found.requires_grad
    assert found.min() >= 0 and found.max() <= 1
    assert budget.size(found - inputs).max() <= 0.2 + 1e-6

    def loss(at: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(at), targets, reduction="none")

    assert loss(found).mean() > loss(inputs).mean()


def test_fast_gradient_by_hand() -> None:
    model, inputs, targets = batch()
    inputs = 0.4 + 0.2 * inputs
    options = AdversarialOptions(epsilon=0.1, steps=1, random_start=False)
    objective = adversarial.build(task(), options)
    loss, logits = objective(model, inputs, targets, draws(8))
    moved = inputs.clone().requires_grad_()
    nn.functional.cross_entropy(model(moved), targets).backward()
    assert moved.grad is not None
    expected = model(inputs + 0.1 * moved.grad.sign())
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(expected, targets))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_starts_fill_the_ball(norm: str) -> None:
    budget = Budget(norm, 0.5, -9.0, 9.0)
    found = adversarial.random_in_ball(torch.zeros(4000, 2), budget, draws(4000))
    sizes = budget.size(found)
    assert sizes.max() <= 0.5
    half = (sizes <= 0.25).float().mean().item()  # a quarter of a disc's, or square's, area
    assert half == pytest.approx(0.25, abs=0.03)
    assert found.mean(0).abs().max() < 0.02


def test_adversarial_leaves_the_model_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
    model.train()
    model[1].eval()  # a frozen norm stays frozen
    _, inputs, targets = batch()
    running = model[1].running_mean.clone()
    options = AdversarialOptions(steps=3)
    with adversarial.evaluating(model):
        assert not any(module.training for module in model.modules())
    adversarial.search(model, inputs, targets, Budget("linf", 0.1, 0, 1), draws(8), options)
    assert all(parameter.grad is None for parameter in model.parameters())
    loss, _ = adversarial.build(task(), options)(model, inputs, targets, draws(8))
    assert [module.training for module in model] == [True, False, True, True]
    assert torch.equal(model[1].running_mean, running)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_adversarial_updates_batch_norm_once() -> None:
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).train()
    _, inputs, targets = batch()
    adversarial.build(task(), AdversarialOptions(steps=4))(model, inputs, targets, draws(8))
    assert model[0].num_batches_tracked.item() == 1


def test_same_draws_same_loss() -> None:
    model, inputs, targets = batch()
    for build in (
        lambda: mixup.build(MixupOptions()),
        lambda: adversarial.build(task(), AdversarialOptions(epsilon=0.1, steps=1)),
    ):
        objective = build()
        first, second, other = (
            objective(model, inputs, targets, draws(8, key))[0].item() for key in (1, 1, 2)
        )
        assert first == second != other


def test_options_are_checked() -> None:
    assert AdversarialOptions.model_validate({"epsilon": "8/255"}).epsilon == 8 / 255
    for make in (
        lambda: AdversarialOptions.model_validate({"epsilon": "8/0"}),
        lambda: AdversarialOptions.model_validate({"epsilon": "a/b"}),
        lambda: AdversarialOptions.model_validate({"norm": "l1"}),
        lambda: AdversarialOptions(steps=0),
        lambda: MixupOptions(alpha=0.0),
        lambda: CrossEntropyOptions(label_smoothing=1.0),
    ):
        with pytest.raises(ValidationError):
            make()
