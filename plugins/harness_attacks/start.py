"""Where searches start: uniformly in the ball, by draws that belong to the example."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_attacks.descent import Start
from harness_attacks.problem import Problem


def random_starts(problem: Problem) -> Start:
    """Return a function of (examples ``(batch,)``, runs ``(batch,)``) that gives points in ball and box."""

    def start(who: Tensor, run: Tensor) -> Tensor:
        inputs = problem.inputs[who]
        points = torch.empty_like(inputs)
        for number in torch.unique(run).tolist():
            (rows,) = (run == number).nonzero(as_tuple=True)
            draws = problem.draws.select(who[rows]).at("restart", number)
            points[rows] = problem.budget.random(inputs[rows], draws)
        return points

    return start
