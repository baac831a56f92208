"""What can be learnt from a model's answers alone: where it is wrong, and where the boundary is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from harness.api import Draws
from harness_attacks.attack_problem import AttackProblem, as_float, is_correct, spread

TRIES = (1, 9, *[10] * 9)  # starts in a round; after two rounds not of plain noise
FEWEST_HALVINGS = 10  # of the way to the boundary, as d^-3/2 is coarse in few dimensions
BEYOND = 1e-4  # share of the distance that is added, so that rounding does not turn the answer
AT_ONCE = 100  # points in a batch, where there are fewer examples and no batch size is given
NUMBERS = 1 << 22  # coordinates of points that are held at once


@dataclass(frozen=True)
class Decisions:
    """Questions to the model of a problem in L2 or Linf, about points of examples ``(batch, *shape)``."""

    problem: AttackProblem

    @cached_property
    def halvings(self) -> int:
        """Questions of a search for the boundary: to a tolerance of d^-3/2, in Linf d^-2, in d dimensions."""
        power = 1.5 if self.problem.budget.norm == "l2" else 2.0
        coordinates = self.problem.inputs[0].numel()
        return max(FEWEST_HALVINGS, math.ceil(power * math.log2(coordinates)))

    def wrong(self, points: Tensor, targets: Tensor) -> Tensor:
        """Return which points ``(batch, some, *shape)`` are misclassified, ``(batch, some)``."""
        problem, count = self.problem, points.shape[1]
        size = problem.batch_size or max(len(problem), AT_ONCE)
        parts = zip(
            torch.split(points.flatten(0, 1), size),
            torch.split(targets.repeat_interleave(count), size),
            strict=True,
        )
        with torch.no_grad():
            right = [is_correct(as_float(problem.model(part)), classes) for part, classes in parts]
        return ~torch.cat(right).view(-1, count)

    def rows(self, count: int) -> int:
        """Return for how many examples at once so many points of each are held."""
        return max(1, NUMBERS // (self.problem.inputs[0].numel() * count))

    def starts(
        self, inputs: Tensor, targets: Tensor, examples: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return misclassified points, ``(batch,)`` whether there is one, and how often the model was asked."""
        start, left = inputs.clone(), torch.arange(len(examples), device=examples.device)
        found = torch.zeros_like(examples, dtype=torch.bool)
        asked = torch.zeros_like(examples)
        for number, count in enumerate(TRIES):
            for rows in torch.split(left, self.rows(count)):
                draws = self.problem.draws.select(examples[rows]).at("start", number)
                points = self._noise(inputs[rows], draws, count, plain=number < 2)
                wrong = self.wrong(points, targets[rows])
                first = wrong.to(torch.int8).argmax(1)
                chosen = points[torch.arange(len(rows), device=rows.device), first]
                found[rows] = wrong.any(1)
                start[rows] = torch.where(spread(found[rows], chosen), chosen, inputs[rows])
                asked[rows] += count
            left = left[~found[left]]
            if not len(left):
                break
        return start, found, asked

    def _noise(self, inputs: Tensor, draws: Draws, count: int, *, plain: bool) -> Tensor:
        """Return points in the box, ``(batch, count, *shape)``."""
        low, width = self.problem.budget.low, self.problem.budget.high - self.problem.budget.low
        unit = draws.uniform("noise", (count, *inputs.shape[1:])).to(inputs.dtype)
        if not plain:
            shape = (count, *[1] * (inputs.dim() - 1))
            level, contrast = (draws.uniform(name, shape) for name in ("level", "contrast"))
            unit = (level + contrast * (unit - 0.5)).clamp_(0.0, 1.0).to(inputs.dtype)
        return (low + width * unit).clamp_(low, low + width)

    def to_boundary(self, inputs: Tensor, points: Tensor, targets: Tensor) -> Tensor:
        """Return misclassified points between inputs and misclassified `points`, just beyond the boundary.

        In L2 on the line between them, in Linf on the curve that a shrinking ball cuts from `points`.
        """
        delta = points - inputs
        right = torch.zeros_like(delta.flatten(1)[:, 0])
        wrong = torch.ones_like(right)
        for _ in range(self.halvings):
            middle = (right + wrong) / 2
            answer = self.wrong(self._nearer(inputs, delta, middle)[:, None], targets)[:, 0]
            right = torch.where(answer, right, middle)
            wrong = torch.where(answer, middle, wrong)
        found = self._nearer(inputs, delta, wrong)
        return torch.where(spread(wrong < 1, found), found, points)

    def _nearer(self, inputs: Tensor, delta: Tensor, share: Tensor) -> Tensor:
        """Return points at a share ``(batch,)`` of the distance."""
        budget = self.problem.budget
        if budget.norm == "l2":
            delta = delta * spread(share, delta)
        else:
            radius = spread(share * budget.size(delta), delta)
            delta = torch.maximum(torch.minimum(delta, radius), -radius)
        return delta.add_(inputs).clamp_(budget.low, budget.high)

    def beyond(self, inputs: Tensor, boundary: Tensor) -> Tensor:
        """Return points a little farther from the inputs."""
        moved = inputs + (1.0 + BEYOND) * (boundary - inputs)
        return moved.clamp_(self.problem.budget.low, self.problem.budget.high)
