"""Sharpness-aware minimization: its step on a quadratic, by hand, and that batch norms see a batch once."""

from __future__ import annotations

import pytest
import torch
from technique_cases import fitted
from torch import nn

from harness.api.training import Fitting
from harness_training.options import SamOptions
from harness_training.sam import Sam


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_step_on_a_quadratic(adaptive: bool) -> None:
    """f(w) = (w1^2 + 4 w2^2) / 2 has the gradient A w, A = diag(1, 4): that of the step is A (w + e).

    e = rho A w / ||A w||; adaptive, with |w| for the scales of both numbers, rho w^2 A w / || |w| A w ||.
    """
    net = nn.Linear(2, 1, bias=False)
    curvature, rho = torch.tensor([[1.0, 4.0]]), 0.1
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[2.0, -1.0]]))
    here = net.weight.detach().clone()
    hooks = Sam(SamOptions(rho=rho, adaptive=adaptive))
    hooks.begin(Fitting(net, torch.optim.SGD(net.parameters(), 0.1), 1, lambda: iter(())))
    calls = 0

    def compute() -> None:
        nonlocal calls
        calls += 1
        net.zero_grad()
        (curvature * net.weight**2).sum().div(2).backward()

    hooks.gradients(compute)
    slope = curvature * here
    size = here.abs() if adaptive else torch.ones_like(here)
    there = here + rho * size**2 * slope / (size * slope).norm()
    assert net.weight.grad is not None and calls == 2
    assert torch.allclose(net.weight.grad, curvature * there, atol=1e-6)
    assert torch.equal(net.weight, here)


def test_without_a_radius_it_is_the_plain_gradient() -> None:
    """And the loss that is told is that of the weights themselves; running statistics are those of one pass."""
    ours, _, found = fitted(lambda: Sam(SamOptions(rho=1e-30)))
    plain, _, expected = fitted()
    for name, value in plain.state_dict().items():
        assert torch.allclose(ours.state_dict()[name], value, atol=1e-5), name
    told, without = ([row["train_loss"] for row in one.curves] for one in (found, expected))
    assert told == pytest.approx(without, abs=1e-5)
