"""The nearest misclassified point so far: what searches for a minimum norm keep for each example."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness_attacks.active_batch import State
from harness_attacks.attack_problem import AttackProblem, spread


def begin_nearest(problem: AttackProblem, examples: Tensor) -> State:
    """Return the rows with which examples ``(batch,)`` begin.

    "x", "inputs", "best": ``(batch, *shape)``, the inputs. "distance": ``(batch,)``, of the nearest misclassified point
    so far, infinite. "size" and "adversarial": ``(batch,)``, of the point that was looked at last.
    """
    inputs = problem.inputs[examples].detach()
    rows = inputs.flatten(1)[:, 0]
    return {
        "x": inputs,
        "inputs": inputs,
        "targets": problem.targets[examples],
        "best": inputs,
        "distance": torch.full_like(rows, torch.inf),
        "size": torch.zeros_like(rows),
        "adversarial": torch.zeros_like(rows, dtype=torch.bool),
    }


def keep_nearest(problem: AttackProblem, state: State, fooled: Tensor) -> Tensor:
    """Write down what was found at "x"; return which may leave: with an infinite ball none, else those inside it.

    "best" is always inside the ball, "distance" is also of points outside. Where there is a judge, its
    word decides, so that no point counts as the nearest that fools in lower precision alone.

    fooled: ``(batch,)`` bool, misclassified by the model's own word.
    """
    x, budget = state["x"], problem.budget
    fooled = _confirm(problem, state, fooled)
    size = budget.size(x - state["inputs"])
    inside = size <= budget.epsilon
    nearer = fooled & (size < state["distance"])
    state["size"], state["adversarial"] = size, fooled
    state["distance"] = torch.where(nearer, size, state["distance"])
    kept = nearer & inside
    if x.is_cuda or kept.any():
        state["best"] = torch.where(spread(kept, x), x, state["best"])
    return torch.zeros_like(fooled) if math.isinf(budget.epsilon) else fooled & inside


def _confirm(problem: AttackProblem, state: State, fooled: Tensor) -> Tensor:
    """Ask the judge about those that are fooled; on a GPU about all, rather than wait to learn which."""
    if problem.judge is None:
        return fooled
    if fooled.is_cuda:
        return fooled & ~problem.judge(state["x"], state["targets"])
    confirmed = fooled.clone()
    (rows,) = fooled.nonzero(as_tuple=True)
    if len(rows):
        confirmed[rows] = ~problem.judge(state["x"][rows], state["targets"][rows])
    return confirmed
