"""The ascent of APGD in L1: sparse steps, in balls that shrink to the one asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness_attacks.active_batch import State
from harness_attacks.apgd_target import APGDTarget, choose, keep_best, look
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.start import Start

FIRST_SHARE = 0.2  # of the coordinates is in a step, where a run has one stage
SHRINKS = 0.95  # of the perturbed coordinates: with less, the step is lengthened again
SHORTER = 1.5  # how many times, else
SHORTEST = 0.1  # radii


@dataclass(frozen=True)
class APGDL1Steps:
    """A `active_batch.Search`: L1-APGD of Croce & Hein 2021, "Mind the box", algorithm 1.

    A step of length e goes along the sign of the gradient in its k largest coordinates, e / k in each, and the
    point is projected on ball and box together. At a checkpoint k becomes the number of coordinates perturbed
    at the best point so far, over 1.5; where that number shrank to less than 0.95 of itself, e is set to
    the radius again and the search goes on from the best point, else e is divided by 1.5, down to a tenth of
    the radius.

    start(examples, run) -> where runs begin, ``(batch, *shape)`` in the first ball and the box.
    stages: of a run; each but the first begins at the best point of the one before it. Only in the last
    stage, whose radius is the budget's, is anybody fooled. samples: evaluations that a gradient is averaged over.
    """

    problem: AttackProblem
    target: APGDTarget
    start: Start
    stages: Stages
    samples: int = 1

    @property
    def steps(self) -> int:
        """Evaluations with a gradient: a stage evaluates where it begins and after each of its steps."""
        return len(self.stages.radii) - 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which runs begin."""
        inputs = self.problem.inputs[examples]
        x = self.start(examples, run)
        zeros = inputs.new_zeros(len(inputs))
        if len(self.stages.lengths) > 1:
            support = _support(x, inputs)
            width = _width(support)
        else:  # the authors' code learns nothing from where a single stage starts
            support = zeros + inputs[0].numel()
            width = (FIRST_SHARE * support).ceil()
        return {
            "x": x,
            "inputs": inputs,
            "targets": self.problem.targets[examples],
            "direction": torch.zeros_like(x),
            "best_x": x.clone(),
            "best_direction": torch.zeros_like(x),
            "loss": zeros,
            "best_loss": zeros - torch.inf,
            "support": support,
            "width": width,
            "length": zeros + float(self.stages.radii[0]),
            **self.target.look_up(examples, run),
        }

    def evaluate(self, state: State) -> Tensor:
        """Return which are fooled, and keep the gradient."""
        fooled, state["direction"] = look(self.problem, self.target, state, self.samples)
        return fooled & self._at(self.stages.final, state)

    def advance(self, state: State) -> None:
        """Take a step, or go on to the next stage."""
        keep_best(state)
        age = state["host_age"]
        if self.stages.checked[age].any():
            self._check(state)
        following = self._at(self.stages.radii[1:], state)
        inputs, x = state["inputs"], state["x"]
        points = self._step(state).add_(x)
        ends = bool(self.stages.ends[age].any())
        if ends:
            over = self._at(self.stages.ends, state)
            points = choose(over, state["best_x"], points)
        state["x"] = self.problem.budget.clip(inputs, points, following)
        if ends:
            support = _support(state["x"], inputs)
            state["support"] = torch.where(over, support, state["support"])
            state["width"] = torch.where(over, _width(support), state["width"])
            state["length"] = torch.where(over, following, state["length"])
            state["best_loss"] = state["best_loss"].masked_fill(over, -torch.inf)

    def last(self, state: State) -> Tensor:
        """Return the last iterate; the model has not been asked about it."""
        return state["x"]

    def _check(self, state: State) -> None:
        due, radius = self._at(self.stages.checked, state), self._at(self.stages.radii, state)
        support = _support(state["best_x"], state["inputs"])
        sparser = support / state["support"] < SHRINKS  # 0 / 0 is not
        length = torch.where(sparser, radius, state["length"] / SHORTER)
        length = torch.minimum(torch.maximum(length, SHORTEST * radius), radius)
        state["length"] = torch.where(due, length, state["length"])
        state["width"] = torch.where(due, _width(support), state["width"])
        state["support"] = torch.where(due, support, state["support"])
        state["x"] = choose(due & sparser, state["best_x"], state["x"])
        state["direction"] = choose(due & sparser, state["best_direction"], state["direction"])

    def _step(self, state: State) -> Tensor:
        """Return the sparse step of each row, a tensor of its own."""
        gradient = state["direction"].flatten(1)
        size = gradient.abs()
        step = size.ge_(_kth_largest(size, state["width"].long())).mul_(gradient.sign())
        count = step.abs().sum(1)
        step.mul_((state["length"] / (count + 1e-10))[:, None])
        return step.view_as(state["direction"])

    def _at(self, table: Tensor, state: State) -> Tensor:
        """Return the entries of a table for the rows' ages."""
        return table[state["host_age"]].to(state["x"].device, non_blocking=True)


@dataclass(frozen=True)
class Stages:
    """Stages of a run, laid out by age.

    lengths: steps of each stage. Tables ``(evaluations of a run,)`` on the CPU: radii of the ball; checked, where a
    checkpoint is; ends, where a stage ends and another follows; final, in the last stage.
    """

    lengths: tuple[int, ...]
    radii: Tensor
    checked: Tensor
    ends: Tensor
    final: Tensor


def lay_out(lengths: Sequence[int], radii: Sequence[float], dtype: torch.dtype) -> Stages:
    """Return stages of so many steps in balls of these radii, with a checkpoint after each 0.04 of a stage."""
    last = len(lengths) - 1
    rows = [
        (radius, age > 0 and age % max(int(0.04 * length), 1) == 0, age == length, stage == last)
        for stage, (length, radius) in enumerate(zip(lengths, radii, strict=True))
        for age in range(length + 1)
    ]
    columns = [torch.tensor(column) for column in zip(*rows, strict=True)]
    return Stages(
        tuple(lengths), columns[0].to(dtype), columns[1], columns[2] & ~columns[3], columns[3]
    )


def split_steps(steps: int) -> tuple[int, ...]:
    """Return the lengths of the three stages, 30, 30 and 40 % of the steps."""
    long = math.ceil(0.3 * steps)
    return long, long, steps - 2 * long


def _support(points: Tensor, inputs: Tensor) -> Tensor:
    """Return how many coordinates differ from the input: ``(batch,)``, as floats."""
    return (points - inputs).sign_().abs_().flatten(1).sum(1)


def _width(support: Tensor) -> Tensor:
    """Return how many coordinates are in a step: two thirds of those perturbed, rounded up, or one."""
    return ((2.0 * support + 2.0) / 3.0).floor_().clamp_min_(1.0)


def _kth_largest(size: Tensor, k: Tensor) -> Tensor:
    """Return the k-th largest of each row: ``(batch, d)`` and ``(batch,)`` to ``(batch, 1)``."""
    most = size.shape[1] if size.device.type != "cpu" else int(k.max())
    return size.topk(most, dim=1).values.gather(1, k[:, None] - 1)
