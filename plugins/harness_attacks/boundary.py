"""The nearest of a model's class boundaries, to first order."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.api import differentiable_recurrence
from harness_attacks.attack_problem import as_float, gradient_of, spread
from harness_attacks.losses import difference

DUAL = {"linf": 1.0, "l2": 2.0, "l1": math.inf}


def nearest_boundary(
    model: nn.Module, inputs: Tensor, targets: Tensor, norm: str, rivals: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, and z_i - z_y ``(batch,)`` and its gradient ``(batch, *shape)`` for the nearest class i.

    Nearest is, to first order, where |z_i - z_y| / ||gradient||_q is least, q being dual to the norm
    (Croce & Hein 2020, arXiv:1907.02044, equation 7). A forward pass, and a backward pass for each rival through
    the graph that it left, the graph then ending: faster than all rivals in one batched pass, measured on a
    small CNN with nine, and memory does not grow with their number.

    rivals: classes ``(batch, rivals)`` to choose from; None: all but the true one.
    """
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad(), differentiable_recurrence(model):
        outputs = model(leaf)
        logits = as_float(outputs.detach())
        if rivals is None:
            every = torch.arange(logits.shape[1] - 1, device=targets.device)
            rivals = every + (every >= targets[:, None]).long()
        least = torch.full_like(logits[:, 0], math.inf)
        value, nearest = torch.zeros_like(least), torch.zeros_like(inputs)
        for place in range(rivals.shape[1]):
            gap, slope = difference(logits, targets, rivals[:, place])
            gradient = gradient_of(outputs, leaf, slope, keep=place + 1 < rivals.shape[1])
            size = torch.linalg.vector_norm(gradient.flatten(1), DUAL[norm], dim=1)
            distance = torch.where(size > 0, gap.abs() / size, torch.inf)
            nearer = distance < least
            least, value = torch.where(nearer, distance, least), torch.where(nearer, gap, value)
            nearest = torch.where(spread(nearer, inputs), gradient, nearest)
    return logits, value, nearest
