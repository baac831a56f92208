"""Adversarial training by projected gradient descent, against a loop written by hand."""

from __future__ import annotations

import pytest
import torch
from objective_cases import batch, draws, moody_net, move, task
from torch import nn

from harness.api import Budget
from harness_training import pgd_at
from harness_training.options import PgdAtOptions


def test_one_step_by_hand() -> None:
    model, inputs, targets = batch()
    inputs = 0.4 + 0.2 * inputs
    options = PgdAtOptions(epsilon=0.1, steps=1, step_size=0.1, random_start=False)
    loss, logits = pgd_at.build(task(), options)(model, inputs, targets, draws(8))
    moved = inputs.clone().requires_grad_()
    nn.functional.cross_entropy(model(moved), targets).backward()
    assert moved.grad is not None
    expected = model(inputs + 0.1 * moved.grad.sign())
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(expected, targets))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_loop_by_hand(norm: str) -> None:
    """The search in evaluation mode; the loss in training mode, smoothed."""
    _, inputs, targets = batch(12)
    options = PgdAtOptions.model_validate(
        {"epsilon": 0.2, "steps": 4, "norm": norm, "label_smoothing": 0.1}
    )
    model, other = moody_net(), moody_net()
    torch.manual_seed(7)
    loss, logits = pgd_at.build(task(), options)(model, inputs, targets, draws(12))

    budget = Budget(norm, 0.2, 0.0, 1.0)
    at = budget.random(inputs, draws(12))
    other.eval()
    for _ in range(4):
        at = at.detach().requires_grad_()
        nn.functional.cross_entropy(other(at), targets).backward()
        assert at.grad is not None
        at = move(at.detach(), at.grad, 2.5 * 0.2 / 4, inputs, budget)
    other.train()
    torch.manual_seed(7)
    expected = other(at)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
    wanted = 0.9 * nn.functional.cross_entropy(expected, targets)
    wanted = wanted - 0.1 * expected.log_softmax(1).mean()
    torch.testing.assert_close(loss, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model[1].running_mean, other[1].running_mean)


def test_it_leaves_the_model_as_it_was() -> None:
    model = moody_net()
    model[1].eval()  # a frozen norm stays frozen
    _, inputs, targets = batch()
    running = model[1].running_mean.clone()
    loss, _ = pgd_at.build(task(), PgdAtOptions(steps=3))(model, inputs, targets, draws(8))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [module.training for module in model] == [True, False, True, True, True]
    assert torch.equal(model[1].running_mean, running)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_batch_norms_see_the_perturbed_examples_once() -> None:
    model, (_, inputs, targets) = moody_net(), batch()
    before = model[1].num_batches_tracked.item()
    pgd_at.build(task(), PgdAtOptions(steps=4))(model, inputs, targets, draws(8))
    assert model[1].num_batches_tracked.item() == before + 1
