"""MI-FGSM: iterated FGSM with momentum."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws, Problem
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, other_than_classes
from harness_attacks.gradient_steps import GradientSteps
from harness_attacks.options import MiFgsmOptions


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: MiFgsmOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
    problem: Problem | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    g <- decay * g + gradient / ||gradient||_1; x <- clip(x + step * sign(g)), equations 6 and 7; in L2 the step
    goes along g / ||g||_2. The sign comes after gathering. By default 10 steps of epsilon / 10, decay 1,
    as in the paper.

    Source: Dong et al. 2018, "Boosting adversarial attacks with momentum", arXiv:1710.06081.
    """
    asked = other_than_classes(problem)
    searched = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge, asked)
    length = options.relative_step * budget.epsilon
    search = GradientSteps(searched, options.steps, length, decay=options.decay)
    return search_examples(searched, search).perturbed
