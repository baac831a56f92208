"""`fast-at`: train on examples that one step from a random start has perturbed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, Draws, Task
from harness.api.training import SearchTwins
from harness_training.ball_search import ascend_cross_entropy
from harness_training.grad_align import misalignment
from harness_training.options import FastAtOptions


def build(
    task: Task, options: FastAtOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats and the logits, both under attack.

    Wong, Rice & Kolter 2020, "Fast is better than free: revisiting adversarial training",
    algorithm 3: from a uniform point of the ball, one step of 1.25 epsilon along the sign of the
    gradient, and back into the ball. With `grad_align` the loss has that times the misalignment of
    gradients added (see `grad_align.misalignment`), against the sudden loss of all robustness
    that one-step training is prone to with larger balls (catastrophic overfitting).

    The search runs the model in evaluation mode, as in `pgd-at`; the authors' runs it in training
    mode, where batch norms learn from the half-made examples too.
    """
    budget = Budget(options.norm, options.epsilon, task.low, task.high)
    twins = SearchTwins()
    step_size = 1.25 * options.epsilon if options.step_size is None else options.step_size

    def fast_at(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        start = budget.random(inputs, draws) if options.random_start else inputs
        perturbed = ascend_cross_entropy(
            twins, model, inputs, targets, start, budget, steps=1, step_size=step_size
        )
        penalty = None
        if options.grad_align > 0:  # before the training pass moves the running statistics
            penalty = misalignment(model, inputs, targets, budget, draws.at("grad-align"))
        logits = model(perturbed)
        loss = functional.cross_entropy(
            logits.float(), targets, label_smoothing=options.label_smoothing
        )
        return (loss if penalty is None else loss + options.grad_align * penalty), logits

    return fast_at
