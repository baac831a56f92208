"""Where searches start, by draws that belong to the example and to the run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.api import Draws
from harness_attacks.attack_problem import AttackProblem

Start = Callable[[Tensor, Tensor], Tensor]


def random_starts(problem: AttackProblem, runs: int = 1) -> Start:
    """Return a function of (examples ``(batch,)``, runs ``(batch,)``): uniform points in ball and box.

    runs: in each ball, where the problem has several; the draws of a run are those of its number in its ball.
    """
    balls = [start_each_run(problem, ball.random) for ball in problem.balls]
    if len(balls) == 1:
        return balls[0]

    def start(examples: Tensor, run: Tensor) -> Tensor:
        ball = run // runs
        points = torch.empty_like(problem.inputs[examples])
        for number in torch.unique(ball).tolist():
            (rows,) = (ball == number).nonzero(as_tuple=True)
            points[rows] = balls[number](examples[rows], run[rows] % runs)
        return points

    return start


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
