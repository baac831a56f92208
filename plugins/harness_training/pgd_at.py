"""`pgd-at`: train on examples that projected gradient descent has perturbed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, Draws, Task
from harness.api.training import SearchTwins
from harness_training.ball_search import ascend_cross_entropy
from harness_training.options import PgdAtOptions


def build(
    task: Task, options: PgdAtOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats and the logits, both under attack.

    Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks", equation
    2.1: the loss at (nearly) the worst point of the ball.

    The search runs the model in evaluation mode, as an attacker would: batch norms use their
    running statistics and do not update them with half-made examples, and nothing is dropped. The
    loss is then taken in training mode.
    """
    budget = Budget(options.norm, options.epsilon, task.low, task.high)
    twins = SearchTwins()

    def pgd_at(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        start = budget.random(inputs, draws) if options.random_start else inputs
        perturbed = ascend_cross_entropy(
            twins,
            model,
            inputs,
            targets,
            start,
            budget,
            steps=options.steps,
            step_size=options.step_size,
        )
        logits = model(perturbed)
        loss = functional.cross_entropy(
            logits.float(), targets, label_smoothing=options.label_smoothing
        )
        return loss, logits

    return pgd_at
