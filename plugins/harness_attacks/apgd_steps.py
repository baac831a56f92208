"""The ascent of APGD in Linf and L2: with momentum, and a step that is halved where it stops paying."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from harness_attacks.active_batch import State
from harness_attacks.apgd_target import APGDTarget, choose, keep_best, look
from harness_attacks.attack_problem import AttackProblem, spread
from harness_attacks.gradient_steps import steepest_step
from harness_attacks.start import Start

FIRST_STEP = 2.0  # radii
NEW_SHARE = 0.75  # of a move; the rest repeats the move before


@dataclass(frozen=True)
class APGDSteps:
    """A `active_batch.Search`: Croce & Hein 2020, algorithm 1, in Linf and L2.

    With P the projection on ball and box, e the length of the step and d the gradient's sign (Linf) or
    direction (L2), z = P(x + e d) and x' = P(x + 0.75 (z - x) + 0.25 (x - x_before)). At a checkpoint
    the length is halved, and the search goes on from the best point so far, if the loss rose in at most
    rho of the window's steps, or if neither the length was halved at the checkpoint before nor the
    highest loss has risen since.

    start(examples, run) -> where runs begin, ``(batch, *shape)`` in the budget.
    steps: gradients of a run. samples: evaluations over which each gradient is averaged.
    """

    problem: AttackProblem
    target: APGDTarget
    start: Start
    steps: int
    rho: float = 0.75
    samples: int = 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which runs begin."""
        budget, inputs = self.problem.budget, self.problem.inputs[examples]
        x = self.start(examples, run)
        zeros = inputs.new_zeros(len(inputs))
        state = {
            "x": x,
            "old_x": x.clone(),
            "targets": self.problem.targets[examples],
            "direction": torch.zeros_like(x),
            "best_x": x.clone(),
            "best_direction": torch.zeros_like(x),
            "loss": zeros,
            "best_loss": zeros - torch.inf,
            "loss_before": zeros + torch.inf,
            "checked_loss": zeros - torch.inf,
            "rises": zeros,
            "halved": torch.ones_like(zeros, dtype=torch.bool),
            "length": zeros + FIRST_STEP * budget.epsilon,
            **self.target.look_up(examples, run),
        }
        if budget.norm == "linf":
            state["least"] = (inputs - budget.epsilon).clamp_(min=budget.low)
            state["most"] = (inputs + budget.epsilon).clamp_(max=budget.high)
        else:
            state["inputs"] = inputs
        return state

    def evaluate(self, state: State) -> Tensor:
        """Return which are fooled, and keep the direction in which the loss rises."""
        fooled, gradient = look(self.problem, self.target, state, self.samples)
        if self.problem.budget.norm == "linf":
            state["direction"] = gradient.sign_()
        else:
            state["direction"] = steepest_step(gradient, self.problem.budget, 1.0, state["x"])
        return fooled

    def advance(self, state: State) -> None:
        """Take a step."""
        keep_best(state)
        first = state["age"] == 0
        state["rises"] = state["rises"] + (state["loss"] > state["loss_before"])
        # The authors compare the loss after the first step with 0, whatever it was at the start.
        origin = -torch.inf if self.target.positive else torch.inf
        state["loss_before"] = torch.where(first, origin, state["loss"])
        if self._windows[state["host_age"]].any():
            self._check(state)
        x, old_x = state["x"], state["old_x"]
        reached = self._clip(
            state, torch.addcmul(x, state["direction"], spread(state["length"], x))
        )
        share = torch.where(first, 1.0, NEW_SHARE).to(x.dtype)
        move = torch.sub(x, old_x, out=old_x).lerp_(reached.sub_(x), spread(share, x))
        state["x"], state["old_x"] = self._clip(state, move.add_(x)), x

    def last(self, state: State) -> Tensor:
        """Return the last iterate; the model has not been asked about it."""
        return state["x"]

    def _check(self, state: State) -> None:
        """Halve the lengths of those at a checkpoint that make no progress, and take them back to their best."""
        window = self._device_windows[state["age"]]
        due = window > 0
        stuck = state["rises"] <= self.rho * window
        level = ~state["halved"] & (state["checked_loss"] >= state["best_loss"])
        halve = due & (stuck | level)
        state["halved"] = torch.where(due, halve, state["halved"])
        state["checked_loss"] = torch.where(due, state["best_loss"], state["checked_loss"])
        state["rises"] = state["rises"].masked_fill(due, 0.0)
        state["length"] = torch.where(halve, 0.5 * state["length"], state["length"])
        state["x"] = choose(halve, state["best_x"], state["x"])
        state["direction"] = choose(halve, state["best_direction"], state["direction"])

    def _clip(self, state: State, points: Tensor) -> Tensor:
        """Bring points of one's own into ball and box."""
        if self.problem.budget.norm == "linf":
            return torch.clamp(points, state["least"], state["most"], out=points)
        return self.problem.budget.clip(state["inputs"], points)

    @cached_property
    def _windows(self) -> Tensor:
        return checkpoints(self.steps)

    @cached_property
    def _device_windows(self) -> Tensor:
        return self._windows.to(self.problem.inputs.device)


def checkpoints(steps: int) -> Tensor:
    """Return how long the window is that ends at each age: ``(steps + 1,)``, 0 where none ends.

    The first has 0.22 of the steps, each other 0.03 of the steps less, but 0.06 of them at least (section 3.3
    of the paper, as its authors round).
    """
    window, age = max(int(0.22 * steps), 1), 0
    table = torch.zeros(steps + 1, dtype=torch.int64)
    while (age := age + window) <= steps:
        table[age] = window
        window = max(window - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1))
    return table
