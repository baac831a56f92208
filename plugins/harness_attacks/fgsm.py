"""FGSM, the fast gradient sign method."""

from __future__ import annotations

import torch

from harness.api import Budget
from harness_attacks.descent import ascend, steepest_step


def perturb(
    model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor, budget: Budget
) -> torch.Tensor:
    """Return x' = clip(x + epsilon * sign(gradient of the cross-entropy)), equation 2 of the paper.

    In L2 the step goes along the normalised gradient (Fast Gradient Method). An example that the
    model already gets wrong is returned as it is; no verdict is taken on the others. Cost: one
    forward and one backward pass an example.

    Source: Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples".

    inputs: ``(batch, *shape)`` in [budget.low, budget.high]. targets: ``(batch,)`` classes.
    """
    return ascend(
        model,
        inputs,
        targets,
        budget,
        start=inputs,
        steps=1,
        move=lambda gradient: steepest_step(gradient, budget.norm, budget.epsilon),
    ).perturbed
