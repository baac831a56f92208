"""An attack as a stranger would write it: one perturbation for all examples, made on training examples.

Shafahi et al. 2020, "Universal adversarial training", AAAI, arXiv:1811.11304, algorithm 2, with signed steps:
the mean cross-entropy over minibatches is climbed, and the perturbation is projected onto the ball.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field

from harness.api import Attack, AttackContext, Budget, differentiable_recurrence, hookimpl


class UniversalOptions(BaseModel):
    """Options of ``universal``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    epochs: int = Field(5, description="passes over the training examples", ge=1)


def prepare(context: AttackContext) -> torch.Tensor:
    """Return a perturbation ``(*shape)``, in Linf, as a share of the radius: -1 to 1 in each coordinate."""
    assert isinstance(context.options, UniversalOptions)
    direction = torch.zeros(context.task.input_shape, device=context.device)
    epsilon = min(context.budget.epsilon, context.task.high - context.task.low)
    step = 2 / max(1, context.options.epochs * -(-len(context.train) // context.batch_size))
    for _ in range(context.options.epochs):
        for inputs, targets, _ in context.train.batches(context.batch_size):
            leaf = direction.clone().requires_grad_()
            with torch.enable_grad(), differentiable_recurrence(context.model):
                logits = context.model(inputs + epsilon * leaf)
                loss = torch.nn.functional.cross_entropy(logits, targets)
            (gradient,) = torch.autograd.grad(loss, leaf)
            direction = (direction + step * gradient.sign()).clamp(-1, 1)
    return direction


def perturb(inputs: torch.Tensor, budget: Budget, prepared: torch.Tensor) -> torch.Tensor:
    """Add the one perturbation to all inputs ``(batch, *shape)``."""
    return budget.clip(inputs, inputs + budget.epsilon * prepared)


@hookimpl
def harness_register_attacks() -> list[Attack]:
    """Yield it."""
    return [
        Attack(
            name="universal",
            takes=("image", "table"),
            perturb=perturb,
            prepare=prepare,
            options=UniversalOptions,
            summary="one perturbation for all examples",
            source="Shafahi et al. 2020, arXiv:1811.11304",
        )
    ]
