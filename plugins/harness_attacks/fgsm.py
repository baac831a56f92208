"""FGSM, the fast gradient sign method."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws, Problem
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, other_than_classes
from harness_attacks.gradient_steps import GradientSteps


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    batch_size: int | None = None,
    judge: Judge | None = None,
    problem: Problem | None = None,
) -> Tensor:
    """Return x' = clip(x + epsilon * sign(gradient of the cross-entropy)), equation 2 of the paper.

    In L2 the step goes along the normalised gradient (Fast Gradient Method), in L1 it moves the coordinates of
    the largest gradient as far as box and budget allow. An example that the model already gets wrong is
    returned as it is; no verdict is taken on the others. Cost: one forward and one backward pass an example.

    Source: Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples".

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    """
    asked = other_than_classes(problem)
    searched = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge, asked)
    return search_examples(
        searched, GradientSteps(searched, steps=1, length=budget.epsilon)
    ).perturbed
