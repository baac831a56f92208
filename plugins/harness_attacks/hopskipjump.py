"""HopSkipJump, a walk along the decision boundary that needs only the model's answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import State, search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, is_correct, spread
from harness_attacks.decisions import Decisions
from harness_attacks.directions import fresh_directions, unit_directions
from harness_attacks.nearest import begin_nearest, keep_nearest
from harness_attacks.options import HopSkipJumpOptions

STEP_SIZES = 12


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: HopSkipJumpOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return the nearest misclassified points that were found, or with a finite ball the first inside.

    Algorithm 2 of the paper, untargeted. The start is noise, uniform in the box, that is misclassified; a binary
    search between it and the input leads to the boundary. Then `steps` times, t = 1, 2, ...: estimate the
    boundary's normal from the answers at `initial_evaluations` * sqrt(t) points around (10,000 at most), equation 16;
    go along it (Linf: along its sign) by distance / sqrt(t), or half of that, a quarter ... until the answer is wrong; and
    search between there and the input for the boundary again. Points around lie at 0.1 widths of the box at first, then
    at distance / d; the search's tolerance is d^-3/2 (Linf: d^-2), 2^-10 at most, d being the number of coordinates.

    Three things are not the paper's. Where 10 tries of noise give no start, 90 more have a brightness and a contrast
    of their own, as a model has often one answer to all noise; an example without a start is returned as it was given. The
    twelve step sizes are asked about at once. And what is returned lies 1e-4 of the distance beyond
    the boundary, so that its class does not hang on rounding.

    Cost in forward passes an example, with the defaults: 23,900 for normals and 1,600 (Linf: 1,900) for the rest (32 by 32
    in colour); the first 10 steps cost a tenth of that. `queries` ends the walk before a step that would
    exceed it. No gradient is taken, and of the outputs only which one is largest counts.

    Source: Chen, Jordan & Wainwright 2020, "HopSkipJumpAttack: a query-efficient decision-based attack",
    arXiv:1904.02144.

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    draws: of the examples, so that directions do not depend on the batch.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return search_examples(problem, _BoundaryWalk(problem, options)).perturbed


@dataclass(frozen=True)
class _BoundaryWalk:
    """A `active_batch.Search`: an evaluation looks at the point where a step ended; the step itself asks in blocks.

    Beside what `nearest` keeps the state has "boundary", where the walk is, and "asked", forward passes.
    """

    problem: AttackProblem
    options: HopSkipJumpOptions

    @cached_property
    def decisions(self) -> Decisions:
        return Decisions(self.problem)

    @property
    def steps(self) -> int:
        return self.options.steps + 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        state = begin_nearest(self.problem, examples)
        start, found, asked = self.decisions.starts(state["inputs"], state["targets"], examples)
        state["boundary"] = self.decisions.to_boundary(state["inputs"], start, state["targets"])
        state["x"] = self.decisions.beyond(state["inputs"], state["boundary"])
        state |= {
            "examples": examples,
            "asked": asked + self.decisions.halvings + 1,
            "done": ~found,
        }
        return state

    def evaluate(self, state: State) -> Tensor:
        wrong = ~is_correct(self.problem.logits(state["x"]), state["targets"])
        return keep_nearest(self.problem, state, wrong)

    def advance(self, state: State) -> None:
        ages, limit = state["host_age"], self.options.queries
        boundary, x = state["boundary"].clone(), state["x"].clone()
        together = self.decisions.rows(fresh_directions(x[0].numel()))
        for age in torch.unique(ages).tolist():
            if age + 1 >= self.steps:
                continue  # it is not looked at
            rows = (ages == age).nonzero()[:, 0].to(x.device)
            if limit is not None:
                last_look = 1  # of whoever is done
                enough = state["asked"][rows] + self._cost(age + 1) + last_look > limit
                state["done"][rows] |= enough
                rows = rows[~enough]
            for part in torch.split(rows, together) if len(rows) else ():
                inputs, targets = state["inputs"][part], state["targets"][part]
                draws = self.problem.draws.select(state["examples"][part]).at("step", age + 1)
                moved = self._step(inputs, boundary[part], targets, draws, age + 1)
                boundary[part], x[part] = moved, self.decisions.beyond(inputs, moved)
            state["asked"][rows] += self._cost(age + 1)
        state["boundary"], state["x"] = boundary, x

    def last(self, state: State) -> Tensor:
        return state["best"]

    def _evaluations(self, step: int) -> int:
        return min(int(self.options.initial_evaluations * math.sqrt(step)), 10_000)

    def _cost(self, step: int) -> int:
        return self._evaluations(step) + STEP_SIZES + self.decisions.halvings + 1

    def _step(
        self, inputs: Tensor, boundary: Tensor, targets: Tensor, draws: Draws, step: int
    ) -> Tensor:
        """Return the next points on the boundary, ``(batch, *shape)``; the same where no step size succeeds."""
        budget = self.problem.budget
        distance = budget.size(boundary - inputs)
        normal = self._normal(boundary, targets, distance, draws, step)
        if budget.norm == "linf":
            normal = normal.sign()
        sizes = distance[:, None] / math.sqrt(step) * 0.5 ** torch.arange(STEP_SIZES).to(distance)
        reached = (
            boundary[:, None]
            + sizes.view(*sizes.shape, *[1] * (inputs.dim() - 1)) * normal[:, None]
        )
        reached.clamp_(budget.low, budget.high)
        wrong = self.decisions.wrong(reached, targets)
        first = wrong.to(torch.int8).argmax(1)  # the longest
        point = reached[torch.arange(len(first), device=first.device), first]
        point = torch.where(spread(wrong.any(1), point), point, boundary)
        return self.decisions.to_boundary(inputs, point, targets)

    def _normal(
        self, boundary: Tensor, targets: Tensor, distance: Tensor, draws: Draws, step: int
    ) -> Tensor:
        """Return the estimated normal of the boundary, towards the wrong side, of L2 norm 1.

        The mean of directions, each times 1 where the model is wrong there and -1 where it is right, less the mean of
        that if both occur (equations 9 and 16).
        """
        budget, size = self.problem.budget, boundary[0].numel()
        width = budget.high - budget.low
        radius = distance / size
        if step == 1:
            radius = torch.full_like(distance, 0.1 * width)
        # or a coordinate would move by less than rounding
        least = 16 * torch.finfo(boundary.dtype).eps * max(abs(budget.low), abs(budget.high))
        radius = spread(radius.clamp_min(least * math.sqrt(size)), boundary)[:, None]
        total, total_wrong = torch.zeros_like(boundary), torch.zeros_like(boundary)
        wrongs = torch.zeros_like(distance)
        count = self._evaluations(step)
        for block in unit_directions(draws, count, size, budget.norm, boundary.dtype):
            points = boundary[:, None] + radius * block.view(len(block), -1, *boundary.shape[1:])
            points.clamp_(budget.low, budget.high)
            wrong = self.decisions.wrong(points, targets).to(boundary.dtype)
            moved = points.sub_(boundary[:, None]).flatten(2)  # (batch, block, size)
            total += moved.sum(1).view_as(boundary)
            total_wrong += torch.bmm(wrong[:, None], moved).view_as(boundary)
            wrongs += wrong.sum(1)
        share = wrongs / count  # the mean of the signs is 2 share - 1
        mixed = spread((share > 0) & (share < 1), boundary)
        sign = spread(torch.where(share > 0, 1.0, -1.0), boundary)
        normal = torch.where(mixed, total_wrong - spread(share, boundary) * total, sign * total)
        length = torch.linalg.vector_norm(normal.flatten(1), dim=1)
        return normal / spread(length.clamp_min(torch.finfo(length.dtype).tiny), boundary)
