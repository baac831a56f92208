"""FGSM, the fast gradient sign method."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws, Problem
from harness_attacks.attack_problem import (
    AttackProblem,
    Judge,
    differentiate,
    other_than_classes,
    spread,
)
from harness_attacks.gradient_steps import steepest_step


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    batch_size: int | None = None,
    judge: Judge | None = None,
    problem: Problem | None = None,
    larger: Sequence[Budget] = (),
) -> Tensor:
    """Return x' = clip(x + epsilon * sign(gradient of the cross-entropy)), equation 2 of the paper.

    In L2 the step goes along the normalised gradient (Fast Gradient Method), in L1 it moves the coordinates of
    the largest gradient as far as box and budget allow. An example that the model already gets wrong is
    returned as it is; no verdict is taken on the others. Cost: one forward and one backward pass an example, for all balls together.

    Source: Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples".

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes. larger: other balls; with some the
    result is ``(balls, examples, *shape)``, a step in each.
    """
    asked = other_than_classes(problem)
    searched = AttackProblem(
        model, inputs, targets, budget, draws, batch_size, judge, asked, larger
    )
    everyone = torch.arange(len(inputs), device=inputs.device)
    found = [_steps(searched, rows) for rows in torch.split(everyone, searched.width)]
    perturbed = torch.cat(found, 1) if found else torch.stack([inputs] * len(searched.balls))
    return perturbed if larger else perturbed[0]


def _steps(searched: AttackProblem, rows: Tensor) -> Tensor:
    """Return what a step in each ball leads to: ``(balls, rows, *shape)``."""
    inputs, targets = searched.inputs[rows], searched.targets[rows]
    logits, _, gradient = differentiate(searched.model, inputs, targets, searched.loss)
    wrong = searched.fooled(logits, targets)
    if searched.judge is not None and wrong.any():
        wrong[wrong.clone()] = ~searched.judge(inputs[wrong], targets[wrong])
    stays = spread(wrong, inputs)
    moved = []
    for ball in searched.balls:
        step = steepest_step(gradient, ball, ball.epsilon, inputs)
        moved.append(torch.where(stays, inputs, ball.clip(inputs, step.add_(inputs))))
    return torch.stack(moved)
