"""TRADES against its formula, written out, and against its search, written by hand."""

from __future__ import annotations

import pytest
import torch
from objective_cases import batch, draws, moody_net, move, task
from torch import Tensor, nn

from harness.api import Budget
from harness_training import trades
from harness_training.options import TradesOptions


def formula(clean: Tensor, attacked: Tensor, targets: Tensor, beta: float) -> Tensor:
    """Every sum written out, with no log_softmax."""
    p = clean.exp() / clean.exp().sum(1, keepdim=True)
    q = attacked.exp() / attacked.exp().sum(1, keepdim=True)
    total = torch.zeros(())
    for i, target in enumerate(targets.tolist()):
        total = total - p[i, target].log()
        for j in range(p.shape[1]):
            total = total + beta * p[i, j] * (p[i, j] / q[i, j]).log()
    return total / len(targets)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-4.0, 6.0)])
def test_loss_and_gradient_against_the_formula(norm: str, low: float, high: float) -> None:
    """The search in evaluation mode from x + 0.001 N(0, 1); both passes in training mode."""
    _, inputs, targets = batch(12)
    options = TradesOptions.model_validate(
        {"epsilon": 0.2, "steps": 4, "step_size": 0.06, "norm": norm, "beta": 3.0}
    )
    model, other = moody_net(), moody_net()
    model[3].p = other[3].p = 0.0
    data = task(low=low, high=high)
    loss, logits = trades.build(data, options)(model, inputs, targets, draws(12))
    loss.backward()

    budget = Budget(norm, 0.2, low, high)
    other.eval()
    clean = other(inputs).detach().softmax(1)
    at = inputs + 0.001 * (high - low) * draws(12).normal("trades/start", (6,))
    for _ in range(4):
        at = at.detach().requires_grad_()
        (-(clean * other(at).log_softmax(1)).sum()).backward()  # KL, but for a constant
        assert at.grad is not None
        at = move(at.detach(), at.grad, 0.06, inputs, budget)
    other.train()
    other.zero_grad()
    wanted_logits = other(inputs)
    wanted = formula(wanted_logits, other(at), targets, 3.0)
    wanted.backward()

    torch.testing.assert_close(logits, wanted_logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loss, wanted, rtol=1e-4, atol=1e-4)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(model[1].running_mean, other[1].running_mean)
    assert model[1].num_batches_tracked.item() == 22  # 20 of its making, clean, perturbed
    assert all(module.training for module in model.modules())


def test_gradient_of_the_divergence_in_closed_form() -> None:
    """With p of the clean and q of the perturbed logits: q - p, and p (log p/q - KL)."""
    torch.manual_seed(0)
    clean, attacked = torch.randn(2, 5, 4, requires_grad=True)
    p, q = clean.detach().softmax(1), attacked.detach().softmax(1)
    each = (p * (p / q).log()).sum(1, keepdim=True)
    found = trades.divergence(clean, attacked)
    torch.testing.assert_close(found, each.sum())
    to_clean, to_attacked = torch.autograd.grad(found, (clean, attacked))
    torch.testing.assert_close(to_attacked, q - p)
    torch.testing.assert_close(to_clean, p * ((p / q).log() - each), rtol=1e-4, atol=1e-6)


def test_divergence_of_certain_predictions_is_finite() -> None:
    clean = torch.tensor([[500.0, 0.0, -500.0]])
    assert trades.divergence(clean, clean).item() == 0
    assert trades.divergence(clean, -clean).item() == pytest.approx(1000.0)


def test_without_weight_it_is_cross_entropy() -> None:
    model, inputs, targets = batch()
    options = TradesOptions(beta=0.0, epsilon=0.2)
    loss, logits = trades.build(task(), options)(model, inputs, targets, draws(8))
    torch.testing.assert_close(logits, model(inputs))
    torch.testing.assert_close(loss, nn.functional.cross_entropy(model(inputs), targets))


def test_the_search_raises_the_divergence_as_far_as_it_goes() -> None:
    """Two classes, a linear model: the margin moves by epsilon ||w||_1, whatever the targets."""
    torch.manual_seed(0)
    model = nn.Linear(6, 2)
    inputs, targets = torch.rand(16, 6), torch.arange(16) % 2
    options = TradesOptions(epsilon=0.3, beta=1.0)
    objective = trades.build(task(low=-5.0, high=5.0, outputs=2), options)
    loss, logits = objective(model, inputs, targets, draws(16))
    difference = (model.weight[1] - model.weight[0]).detach()
    margin = (logits[:, 1] - logits[:, 0]).detach()
    p = margin.sigmoid()

    def divergence(moved: Tensor) -> Tensor:
        q = moved.sigmoid()
        return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()

    reach = 0.3 * difference.abs().sum()
    up, down = divergence(margin + reach), divergence(margin - reach)
    robust = (loss - nn.functional.cross_entropy(logits, targets)).item()
    assert robust <= torch.maximum(up, down).mean().item() + 1e-6
    assert robust >= torch.minimum(up, down).mean().item() - 1e-6
