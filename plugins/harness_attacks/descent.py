"""The one loop of the gradient attacks, and its parts: gradient, step, projection, verdict.

The norm ball is a value (`Budget`); a norm adds a way to normalise a gradient and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch

from harness.api import Budget

Move = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Found:
    """Where a search ended.

    perturbed: ``(batch, *shape)``. fooled: ``(batch,)`` bool, those known to be misclassified; the
    last iterate of the others has not been looked at.
    """

    perturbed: torch.Tensor
    fooled: torch.Tensor


def ascend(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    budget: Budget,
    *,
    start: torch.Tensor,
    steps: int,
    move: Move,
) -> Found:
    """Climb the cross-entropy for `steps` steps: x <- clip(x + move(gradient)).

    The logits that a step needs for its gradient also tell which examples are fooled already; these
    stay where they are and leave the batch. No graph outlives its step, only gradients with respect
    to inputs are taken, and neither parameters, modes nor generators are touched.

    inputs, start: ``(batch, *shape)``; `start` lies in the budget. targets: ``(batch,)``.
    move: from gradients ``(batch, *shape)`` to the step that is added.
    """
    perturbed = start.detach().clone()
    fooled = torch.zeros(len(inputs), dtype=torch.bool, device=inputs.device)
    left = torch.arange(len(inputs), device=inputs.device)
    for _ in range(steps):
        if len(left) == 0:
            break
        logits, gradient = differentiate(model, perturbed[left], targets[left])
        correct = is_correct(logits, targets[left])
        fooled[left[~correct]] = True
        left, gradient = left[correct], gradient[correct]
        perturbed[left] = budget.clip(inputs[left], perturbed[left] + move(gradient))
    return Found(perturbed, fooled)


def differentiate(
    model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits ``(batch, classes)`` and an ascent direction ``(batch, *shape)``.

    The direction is the gradient of the cross-entropy divided by 1 - p_y, a positive factor for
    each example, which no normalised step can see. Without it the gradient of a confident example
    underflows to zero, and scaled logits would pass for robustness.
    """
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), _differentiable_recurrence(model, inputs.device):
        logits = model(leaf).float()
        (gradient,) = torch.autograd.grad(
            logits, leaf, grad_outputs=_cross_entropy_slope(logits.detach(), targets)
        )
    return logits.detach(), torch.nan_to_num(gradient)


def _cross_entropy_slope(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return dCE/dz divided by 1 - p_y: a softmax over the wrong classes, and -1 for the true one.

    dCE/dz_i is p_i for a wrong class and p_y - 1 for the true one; p_i / (1 - p_y) is the softmax
    without the true class, which neither underflows nor changes when all logits are shifted.
    """
    index = targets.long()[:, None]
    slope: torch.Tensor = torch.softmax(logits.scatter(1, index, -torch.inf), dim=1)
    slope.scatter_(1, index, -1.0)
    return slope


def steepest_step(gradient: torch.Tensor, norm: str, length: float) -> torch.Tensor:
    """Return the step of a given length, in `norm`, that climbs fastest: ``(batch, *shape)``.

    Linf: length * sign(g). L2: length * g / ||g||, and no step where the gradient is zero.
    """
    if norm == "linf":
        return length * gradient.sign()
    flat = gradient.flatten(1)
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(1.2e-38)  # or its squares underflow
    flat = flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp_min(1e-12)
    step: torch.Tensor = length * flat.view_as(gradient)
    return step


def is_correct(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return whether each example is classified correctly, by finite logits: ``(batch,)`` bool."""
    return (logits.argmax(1) == targets) & logits.isfinite().all(1)


def find_correct(
    model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Run the model once and return ``(batch,)`` bool."""
    if len(inputs) == 0:
        return torch.zeros(0, dtype=torch.bool, device=inputs.device)
    with torch.no_grad():
        return is_correct(model(inputs).float(), targets)


def _differentiable_recurrence(
    model: torch.nn.Module, device: torch.device
) -> contextlib.AbstractContextManager[None]:
    """Avoid cuDNN's recurrent layers, whose backward pass refuses to work in eval mode."""
    if device.type == "cuda" and any(isinstance(m, torch.nn.RNNBase) for m in model.modules()):
        return torch.backends.cudnn.flags(enabled=False)
    return contextlib.nullcontext()
