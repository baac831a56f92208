"""Where searches start, by draws that belong to the example and to the run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.api import Draws
from harness_attacks.attack_problem import AttackProblem

Start = Callable[[Tensor, Tensor], Tensor]


def random_starts(problem: AttackProblem) -> Start:
    """Return a function of (examples ``(batch,)``, runs ``(batch,)``): uniform points in ball and box."""
    return start_each_run(problem, problem.budget.random)


def start_each_run(problem: AttackProblem, draw: Callable[[Tensor, Draws], Tensor]) -> Start:
    """Return a function of (examples ``(batch,)``, runs ``(batch,)``) that draws ``(batch, *shape)``.

    draw(inputs, draws) -> points for inputs whose runs have the same number.
    """

    def start(examples: Tensor, run: Tensor) -> Tensor:
        inputs = problem.inputs[examples]
        points = torch.empty_like(inputs)
        for number in torch.unique(run).tolist():
            (rows,) = (run == number).nonzero(as_tuple=True)
            draws = problem.draws.select(examples[rows]).at("restart", number)
            points[rows] = draw(inputs[rows], draws)
        return points

    return start
