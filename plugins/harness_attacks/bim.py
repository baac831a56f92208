"""BIM, the basic iterative method: FGSM in many small steps."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws, Problem
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, other_than_classes
from harness_attacks.gradient_steps import GradientSteps
from harness_attacks.options import BimOptions


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: BimOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
    problem: Problem | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    `options.steps` steps from the input itself, each projected on ball and box; see `pgd`, which starts at
    random. By default a step is epsilon / steps, which just reaches the ball's edge.

    Source: Kurakin, Goodfellow & Bengio 2017, "Adversarial examples in the physical world", section 2.2.
    """
    asked = other_than_classes(problem)
    searched = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge, asked)
    length = options.relative_step * budget.epsilon
    return search_examples(searched, GradientSteps(searched, options.steps, length)).perturbed
