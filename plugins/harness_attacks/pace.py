"""When a run of gradient steps is given up: it would not fool the model before its steps are used up."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api import Budget
from harness_attacks.active_batch import State

EVERY = 4  # steps from one look at the pace to the next, and before the first look at what is left to gain
GENEROUS = 2.0  # times the pace that is granted to the steps that are left
CURVED = 16.0  # times what a linear loss could gain yet


def begin_pace(inputs: Tensor) -> State:
    """Return what runs keep of their pace, for inputs ``(batch, *shape)``."""
    rows, device = len(inputs), inputs.device
    return {
        "best": torch.full((rows,), -torch.inf, device=device),
        "best_before": torch.full((rows,), -torch.inf, device=device),
        "done": torch.zeros(rows, dtype=torch.bool, device=device),
    }


def follow_pace(state: State, value: Tensor, left: Tensor, steps: int, may: Tensor) -> None:
    """Note what was found, and let runs be done that are hopeless, of those that may ``(batch,)``.

    A run's best value b of `losses.cross_entropy` so far is the log-odds of all wrong classes together, which are above 0 where the
    model is fooled. A run is hopeless

    - from the fourth step on where b + 16 * `left` < 0: by its gradient here no point of the ball is near to fooling the model, and
      the loss would have to be that much more curved than a ball's width shows;
    - every fourth step where b + 2 * pace * (steps that are left) < 0, with what b has gained in each of the last 4 steps on average for
      its pace. A loss rises ever more slowly as a rule, so twice the pace is generous.

    No run that fools the model is hopeless, nor one whose value is no number. An example's own values and age decide, so that it makes
    no difference which others are in the batch.

    value: ``(batch,)``, of this evaluation, the one after `state["age"]` of all `steps`. left: ``(batch,)``, what `linear_gain` says.
    """
    age = state["age"]
    state["best"] = torch.maximum(value.float(), state["best"])
    due = age % EVERY == 0
    pace = (state["best"] - state["best_before"]) / EVERY
    slow = due & (state["best"] + GENEROUS * pace * (steps - age) < 0)
    far = (age >= EVERY) & (state["best"] + CURVED * left < 0)
    state["done"] = state["done"] | (may & (slow | far))
    state["best_before"] = torch.where(due, state["best"], state["best_before"])


def linear_gain(
    gradient: Tensor, budget: Budget, inputs: Tensor, x: Tensor, radius: Tensor | None = None
) -> Tensor:
    """Return by how much more a linear loss of this gradient would rise at the best point of the ball than at x: ``(batch,)``.

    The gap of Frank & Wolfe 1956; of a concave loss it bounds what is left to gain (Jaggi 2013, "Revisiting Frank-Wolfe", equation 2).
    In Linf over ball and box, in other norms over the ball: epsilon times the dual norm of the gradient, less what is gained already.

    gradient, x: ``(batch, *shape)``. inputs: the balls' centres. radius: ``(batch,)``, of each ball; None: the budget's.
    """
    flat = gradient.flatten(1)
    if budget.norm == "linf":
        furthest = budget.high - budget.low  # to a corner of the box, and back into the ball
        best = budget.clip(inputs, gradient.sign().mul_(furthest).add_(inputs), radius)
        return (flat * (best - x).flatten(1)).sum(1)
    size: Tensor = torch.linalg.vector_norm(
        flat, ord=torch.inf if budget.norm == "l1" else 2, dim=1
    )
    return (budget.epsilon if radius is None else radius) * size - (
        flat * (x - inputs).flatten(1)
    ).sum(1)
