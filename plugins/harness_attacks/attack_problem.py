"""What every attack is given: a model, examples, a ball; and the two ways of asking the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws, Problem, differentiable_recurrence
from harness.api.measuring import resolve
from harness_attacks.losses import Loss, cross_entropy, of_problem

Judge = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class AttackProblem:
    """Examples to attack.

    model: from data space to logits ``(batch, classes)``. inputs: ``(examples, *shape)`` in the budget's box.
    targets: ``(examples,)`` classes. draws: of the examples. batch_size: examples in the batch at once; None: all.
    asked: the problem that the model answers, where that is other than the class of a whole example; outputs and targets are its.
    larger: balls around the same inputs that are searched after the budget's, by rising radius; an example that is fooled in one is not
    attacked in the next.
    judge: says again whether examples ``(batch, *shape)`` of classes ``(batch,)`` are classified correctly,
    where the model itself computes in lower precision; None: the model's own word is final.
    """

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    budget: Budget
    draws: Draws
    batch_size: int | None = None
    judge: Judge | None = None
    asked: Problem | None = None
    larger: Sequence[Budget] = ()

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.inputs)

    @property
    def balls(self) -> tuple[Budget, ...]:
        """All balls, by rising radius."""
        return (self.budget, *self.larger)

    @property
    def width(self) -> int:
        """How many examples are in the batch at once."""
        return max(1, min(self.batch_size or len(self), len(self)))

    def logits(self, inputs: Tensor) -> Tensor:
        """Run the model without a graph: ``(batch, *shape)`` to float logits ``(batch, classes)``.

        Never more examples at once than are in the batch otherwise.
        """
        with torch.no_grad():
            parts = [as_float(self.model(part)) for part in torch.split(inputs, self.width)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def correct(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether each example is classified correctly: ``(batch,)`` bool."""
        if len(inputs) == 0:
            return torch.zeros(0, dtype=torch.bool, device=inputs.device)
        right = ~self.fooled(self.logits(inputs), targets)
        return right if self.judge is None else right | self.judge(inputs, targets)

    def fooled(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return whether the adversary has what it wants of each example: ``(batch,)`` bool."""
        if self.asked is None:
            return ~is_correct(logits, targets)
        assert self.asked.fooled is not None
        found: Tensor = resolve(self.asked.fooled)(logits, targets)
        return found | ~logits.isfinite().flatten(1).all(1)

    @property
    def loss(self) -> Loss:
        """What steps climb: the cross-entropy, or the loss of what is asked."""
        return cross_entropy if self.asked is None else of_problem(self.asked)


def other_than_classes(problem: Problem | None) -> Problem | None:
    """Return a problem that does not ask for one class of each example; None for one that does."""
    whole = problem is None or (problem.classes and problem.output_shape is None)
    return None if whole else problem


def is_correct(logits: Tensor, targets: Tensor) -> Tensor:
    """Return whether each example is classified correctly, by finite logits: ``(batch,)`` bool."""
    return (logits.argmax(1) == targets) & logits.isfinite().all(1)


def differentiate(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
    goals: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits ``(batch, classes)``, the loss ``(batch,)`` and its gradient ``(batch, *shape)``.

    One forward and one backward pass, with respect to inputs only; no graph outlives the call. A
    gradient that is not finite counts as zero.
    """
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad(), differentiable_recurrence(model):
        outputs = model(leaf)
        logits = as_float(outputs.detach())
        value, slope = loss(logits, targets, goals)
        gradient = gradient_of(outputs, leaf, slope)
    return logits, value, gradient


def gradient_of(outputs: Tensor, leaf: Tensor, slope: Tensor, keep: bool = False) -> Tensor:
    """Return the gradient ``(batch, *shape)`` at a leaf of ``(slope * outputs).sum()``.

    It is zero where it is not finite, and where the outputs do not depend on the leaf in autograd's eyes, as behind a
    threshold. keep: the graph is needed again.
    """
    found = None
    if outputs.requires_grad:
        slope = slope.to(outputs.dtype)
        (found,) = torch.autograd.grad(outputs, leaf, slope, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(leaf) if found is None else torch.nan_to_num(found, 0.0, 0.0, 0.0)


def as_float(logits: Tensor) -> Tensor:
    """Return half precision as float32; float32 and float64 stay."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Return ``(batch,)`` in a shape that spreads over ``(batch, *shape)``."""
    return values.view(-1, *[1] * (like.dim() - 1))
