"""PGD, projected gradient ascent on the cross-entropy."""

from __future__ import annotations

import torch

from harness.api import Budget, Draws
from harness_attacks.descent import ascend, find_correct, steepest_step
from harness_attacks.options import PgdOptions
from harness_attacks.start import random_start


def perturb(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    budget: Budget,
    draws: Draws,
    options: PgdOptions,
) -> torch.Tensor:
    """Return perturbed inputs ``(batch, *shape)`` inside the ball and the box.

    From a uniform start in the ball, `options.steps` times: step along the gradient (Linf: its sign,
    L2: its direction), project on the ball, then on the box. By default 20 steps of 2.5 / 20 of
    epsilon, as the authors' own code scales it; torchattacks takes 10 of 2/255, foolbox 40 of
    epsilon / 30.

    An example leaves as soon as it is fooled, and a restart goes on with those that are left, so
    the cost falls with the model's robustness: for an example that stays robust `steps` forward and
    backward passes a start, one forward pass on the clean input, and one between two starts. The
    last iterate of the last start is returned without a verdict: that is the caller's.

    Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks".

    inputs: ``(batch, *shape)`` in [budget.low, budget.high]. targets: ``(batch,)`` classes.
    draws: of the examples, so that a start does not depend on the batch.
    """
    perturbed = inputs.detach().clone()
    if budget.epsilon == 0 or len(inputs) == 0:
        return perturbed
    step = options.relative_step * budget.epsilon

    def move(gradient: torch.Tensor) -> torch.Tensor:
        return steepest_step(gradient, budget.norm, step)

    left = torch.arange(len(inputs), device=inputs.device)
    for restart in range(options.restarts):
        if restart > 0 or options.random_start:  # else the first step sees the clean input itself
            left = left[find_correct(model, perturbed[left], targets[left])]
        if len(left) == 0:
            break
        clean, start = inputs[left], inputs[left]
        if options.random_start:
            start = random_start(clean, budget, draws.select(left).at("restart", restart))
        found = ascend(
            model, clean, targets[left], budget, start=start, steps=options.steps, move=move
        )
        perturbed[left] = found.perturbed
        left = left[~found.fooled]
        if not options.random_start:
            break  # another start would be the same one
    return perturbed
