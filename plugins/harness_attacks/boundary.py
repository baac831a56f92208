"""The nearest of a model's class boundaries, to first order."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.api import differentiable_recurrence
from harness_attacks.losses import difference
from harness_attacks.problem import as_float

DUAL = {"linf": 1.0, "l2": 2.0, "l1": math.inf}


def nearest_boundary(
    model: nn.Module, inputs: Tensor, targets: Tensor, norm: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, and z_i - z_y ``(batch,)`` and its gradient ``(batch, *shape)`` for the nearest class i.

    Nearest is, to first order, where |z_i - z_y| / ||gradient||_q is least, q being dual to the norm
    (Croce & Hein 2020, arXiv:1907.02044, equation 7). A forward pass, and a backward pass for each class but the
    true one through the graph that it left; memory does not grow with the number of classes.
    """
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad(), differentiable_recurrence(model):
        outputs = model(leaf)
        logits = as_float(outputs.detach())
        rivals = logits.shape[1] - 1
        least = torch.full_like(logits[:, 0], math.inf)
        value, nearest = torch.zeros_like(least), torch.zeros_like(inputs)
        for place in range(rivals):
            goals = place + (place >= targets).long()
            gap, slope = difference(logits, targets, goals)
            (gradient,) = torch.autograd.grad(
                outputs, leaf, slope.to(outputs.dtype), retain_graph=place + 1 < rivals
            )
            size = torch.linalg.vector_norm(gradient.flatten(1), DUAL[norm], dim=1)
            distance = gap.abs() / size.clamp_min(torch.finfo(size.dtype).tiny)
            nearer = distance < least
            least, value = torch.where(nearer, distance, least), torch.where(nearer, gap, value)
            rows = nearer.view(-1, *[1] * (inputs.dim() - 1))
            nearest = torch.where(rows, gradient, nearest)
    return logits, value, torch.nan_to_num_(nearest, 0.0, 0.0, 0.0)
