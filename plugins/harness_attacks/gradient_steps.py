"""Gradient steps inside a ball: what fgsm, bim, pgd and mi-fgsm have in common."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Budget
from harness_attacks.active_batch import State
from harness_attacks.attack_problem import AttackProblem, differentiate, spread
from harness_attacks.pace import begin_pace, follow_pace, linear_gain
from harness_attacks.start import Start


@dataclass(frozen=True)
class GradientSteps:
    """A `active_batch.Search`: x <- clip(x + step), the step of a given length that climbs a loss fastest.

    steps: gradients of a run. length: of a step, in the budget's norm and data units; in larger balls it is larger as the radius is.
    runs: in each ball.
    start(examples, run) -> where runs begin, ``(batch, *shape)`` in the budget; None: at the inputs.
    decay: of the momentum that gathers gradients, each divided by its L1 norm; None: no momentum.
    given_up_from: the number of the first run in a ball that may be given up as hopeless, see `pace`; None: none may.
    """

    problem: AttackProblem
    steps: int
    length: float
    start: Start | None = None
    decay: float | None = None
    given_up_from: int | None = None
    runs: int = 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which runs begin."""
        inputs = self.problem.inputs[examples]
        state = {
            "x": inputs if self.start is None else self.start(examples, run),
            "inputs": inputs,
            "targets": self.problem.targets[examples],
            "gradient": torch.zeros_like(inputs),
        }
        if self.decay is not None:
            state["momentum"] = torch.zeros_like(inputs)
        if self.given_up_from is not None:
            state |= {"may": run % self.runs >= self.given_up_from, **begin_pace(inputs)}
        if self.problem.larger:
            radii = [ball.epsilon for ball in self.problem.balls]
            state["radius"] = inputs.new_tensor(radii)[run // self.runs]
        return state

    def evaluate(self, state: State) -> Tensor:
        """Return which are fooled, and keep the gradient."""
        logits, value, state["gradient"] = differentiate(
            self.problem.model, state["x"], state["targets"], self.problem.loss
        )
        if self.given_up_from is not None:
            where = (state["inputs"], state["x"], state.get("radius"))
            left = linear_gain(state["gradient"], self.problem.budget, *where)
            follow_pace(state, value, left.float(), self.steps, state["may"])
        return self.problem.fooled(logits, state["targets"])

    def advance(self, state: State) -> None:
        """Take a step."""
        direction = state["gradient"]
        if self.decay is not None:
            direction = self.decay * state["momentum"] + _over_l1(direction)
            state["momentum"] = direction
        budget, radius, length = self.problem.budget, state.get("radius"), self.length
        each = length if radius is None else radius * (length / budget.epsilon)
        step = steepest_step(direction, budget, each, state["x"])
        state["x"] = budget.clip(state["inputs"], step.add_(state["x"]), radius)

    def last(self, state: State) -> Tensor:
        """Return the last iterate; the model has not been asked about it."""
        return state["x"]


def steepest_step(gradient: Tensor, budget: Budget, length: float | Tensor, x: Tensor) -> Tensor:
    """Return the step of at most a length, in the budget's norm, that climbs fastest: ``(batch, *shape)``.

    Linf: length * sign(g). L2: length * g / ||g||. L1: the coordinates of the largest |g| go to the side of the
    box that g points at, one after the other, until the length is used up; this is exact for a linear loss in the
    box. There is no step where the gradient is zero.

    length: for all, or ``(batch,)``. x: ``(batch, *shape)``, where the step starts; in L1 it tells how far each coordinate can go.
    """
    if budget.norm == "linf":
        each = spread(length, gradient) if isinstance(length, Tensor) else length
        return gradient.sign().mul_(each)
    if isinstance(length, Tensor):
        length = length[:, None]
    if budget.norm == "l1":
        return _greedy(gradient, budget, length, x)
    flat = gradient.flatten(1)
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(1.2e-38)  # or its squares underflow
    size = torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp_min(1e-12)
    step: Tensor = flat.mul_(length / size).view_as(gradient)
    return step


def _greedy(gradient: Tensor, budget: Budget, length: float | Tensor, x: Tensor) -> Tensor:
    flat, here = gradient.flatten(1), x.flatten(1)
    room = torch.where(flat > 0, budget.high - here, here - budget.low).clamp_min(0.0)
    room = room.masked_fill(flat == 0, 0.0)
    order = flat.abs().argsort(dim=1, descending=True, stable=True)
    ordered = room.gather(1, order)
    before = ordered.cumsum(1) - ordered
    used = torch.minimum(ordered, (length - before).clamp_min(0.0))
    step = torch.zeros_like(flat).scatter_(1, order, used).mul_(flat.sign())
    return step.view_as(gradient)


def _over_l1(gradient: Tensor) -> Tensor:
    """Return each gradient divided by its L1 norm, and zero where it is zero."""
    flat = gradient.flatten(1)
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(1.2e-38)
    return (flat / flat.abs().sum(1, keepdim=True).clamp_min(1e-12)).view_as(gradient)
