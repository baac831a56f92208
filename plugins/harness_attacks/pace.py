"""When a run of gradient steps is given up: at its pace the model would not be fooled before the steps are used up."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_attacks.active_batch import State

EVERY = 4  # steps from one look at the pace to the next
GENEROUS = 2.0  # times the pace that is granted to the steps that are left


def begin_pace(inputs: Tensor) -> State:
    """Return what runs keep of their pace, for inputs ``(batch, *shape)``."""
    rows, device = len(inputs), inputs.device
    return {
        "best": torch.full((rows,), -torch.inf, device=device),
        "best_before": torch.full((rows,), -torch.inf, device=device),
        "done": torch.zeros(rows, dtype=torch.bool, device=device),
    }


def follow_pace(state: State, value: Tensor, steps: int, may: Tensor) -> None:
    """Note what was found, and let runs be done that are hopeless, of those that may ``(batch,)``.

    Every fourth step is looked at a run's best value b of `losses.cross_entropy` so far: the log-odds of all wrong classes
    together, which are above 0 where the model is fooled. Its pace is what b has gained in each of the last 4 steps on
    average, and it is hopeless where b + 2 * pace * (steps that are left) < 0. A loss rises ever more slowly as a
    rule, so twice the pace is generous; no run that fools the model is hopeless, nor one whose value is no number.

    An example's own values and age decide, so that it makes no difference which others are in the batch.

    value: ``(batch,)``, of this evaluation, the one after `state["age"]` of all `steps`.
    """
    age = state["age"]
    state["best"] = torch.maximum(value.float(), state["best"])
    due = age % EVERY == 0
    pace = (state["best"] - state["best_before"]) / EVERY
    hopeless = state["best"] + GENEROUS * pace * (steps - age) < 0
    state["done"] = state["done"] | (due & may & hopeless)
    state["best_before"] = torch.where(due, state["best"], state["best_before"])
