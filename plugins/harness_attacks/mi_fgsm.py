"""MI-FGSM: iterated FGSM with momentum."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.descent import Descent
from harness_attacks.flight import fly
from harness_attacks.options import MiFgsmOptions
from harness_attacks.problem import Judge, Problem


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: MiFgsmOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    g <- decay * g + gradient / ||gradient||_1; x <- clip(x + step * sign(g)), equations 6 and 7; in L2 the step
    goes along g / ||g||_2. The sign comes after gathering. By default 10 steps of epsilon / 10, decay 1,
    as in the paper.

    Source: Dong et al. 2018, "Boosting adversarial attacks with momentum", arXiv:1710.06081.
    """
    problem = Problem(model, inputs, targets, budget, draws, batch_size, judge)
    length = options.relative_step * budget.epsilon
    search = Descent(problem, options.steps, length, decay=options.decay)
    return fly(problem, search).perturbed
