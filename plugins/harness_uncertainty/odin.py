"""ODIN: the softmax at a high temperature, of inputs moved a little towards the predicted class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api import differentiable_recurrence

TEMPERATURE = 1000.0


def perturbed_logits(model: nn.Module, inputs: Tensor, epsilon: float) -> Tensor:
    """Return logits / T of x - epsilon sign(-grad log S(x; T)) with T = 1000 (Liang et al. 2018, arXiv:1706.02690).

    S is the largest softmax probability of logits / T. Both are the authors' without tuning; they tune epsilon on
    out-of-distribution examples, which nobody has in advance. As there, the inputs may leave their range.

    inputs: ``(batch, *shape)``. epsilon: in the unit of the data.
    """
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), differentiable_recurrence(model):
        logits = model(leaf).float() / TEMPERATURE
        surest = torch.log_softmax(logits, 1).amax(1).sum()
    (gradient,) = torch.autograd.grad(surest, leaf)
    with torch.no_grad():
        moved: Tensor = model(inputs + epsilon * gradient.sign()).float()
    return moved / TEMPERATURE
