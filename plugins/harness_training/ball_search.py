"""The inner search of adversarial training: projected gradient ascent in a ball around each input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, differentiable_recurrence
from harness.api.training import SearchTwins


def ascend(
    loss: Callable[[Tensor], Tensor],
    inputs: Tensor,
    start: Tensor,
    budget: Budget,
    *,
    steps: int,
    step_size: float | None,
) -> Tensor:
    """Return points in the budget's ball and box at which a loss is higher, detached.

    Madry et al. 2018, section 2.1: each step goes along the sign of the gradient (Linf) or along
    the gradient divided by its L2 norm, and back into the ball and the box.

    loss: ``(batch, *shape)`` -> the sum of the examples' losses; a mean would let the gradients of
        large batches vanish in half precision.
    step_size: in data units; None is 2.5 epsilon / steps, with which every point of the ball can be
        reached.
    """
    size = 2.5 * budget.epsilon / steps if step_size is None else step_size
    perturbed = start.detach()
    for _ in range(steps):
        perturbed = perturbed.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(perturbed), perturbed)
        if budget.norm == "linf":
            direction = gradient.sign()
        else:
            length = budget.size(gradient).clamp_min(1e-12)
            direction = gradient / length.view(-1, *[1] * (gradient.dim() - 1))
        perturbed = budget.clip(inputs, perturbed.detach() + size * direction)
    return perturbed


def ascend_cross_entropy(
    twins: SearchTwins,
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    start: Tensor,
    budget: Budget,
    *,
    steps: int,
    step_size: float | None,
) -> Tensor:
    """Return points as `ascend` does, where the cross-entropy of the model in evaluation mode is higher.

    twins: of the fit, which knows the model from its first batch on.
    """
    with evaluating(model):
        loss = cross_entropy_of(twins.of(model, inputs), targets)
        return ascend(loss, inputs, start, budget, steps=steps, step_size=step_size)


def cross_entropy_of(model: nn.Module, targets: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function from inputs to the sum of their cross-entropies, float32, in nats."""

    def loss(at: Tensor) -> Tensor:
        return functional.cross_entropy(model(at).float(), targets, reduction="sum")

    return loss


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and back into the mode that it was in.

    Recurrent layers stay differentiable meanwhile.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with differentiable_recurrence(model):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
