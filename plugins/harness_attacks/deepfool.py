"""DeepFool: step to the nearest of the linearised boundaries until the class changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import State, search_examples
from harness_attacks.attack_problem import (
    AttackProblem,
    Judge,
    is_correct,
    spread,
)
from harness_attacks.boundary import DUAL, nearest_boundary
from harness_attacks.options import DeepFoolOptions

BEYOND = 1e-4  # the box's widths that each step goes past the boundary: the authors' guard


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: DeepFoolOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return the first misclassified points, where they are inside the ball; else the inputs.

    Each step takes the model for linear and goes to the nearest boundary between the true class y and a rival k,
    at the distance |z_k - z_y| / ||w||, w the gradient of z_k - z_y and the norm the dual one (algorithm 2; section 3.3
    for Linf). Steps add up to r, and x = inputs + (1 + overshoot) r, clipped to the box: the overshoot applies
    once, to the sum. Rivals are the most likely wrong classes of the clean input, `candidates` - 1 of them.
    What is found is farther than the boundary by at least `overshoot`: quick, not the nearest. But it looks at all
    rivals, and `fmn` and `cw-l2` follow the likeliest one, so for some examples it is nearer than they are.

    Cost a step and example: two forward passes and one backward pass for each rival. An example that is fooled
    leaves after the first forward pass. Few examples of a standard model need more than four steps.

    Source: Moosavi-Dezfooli, Fawzi & Frossard 2016, "DeepFool: a simple and accurate method to fool deep
    neural networks", arXiv:1511.04599.

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    if len(problem) == 0:
        return inputs.detach().clone()
    search = _Linearising(problem, options, _rivals(problem, options.candidates))
    found = search_examples(problem, search, settle=True)
    nearest = found.fooled & (budget.size(found.perturbed - inputs) <= budget.epsilon)
    return torch.where(spread(nearest, inputs), found.perturbed, inputs)


@dataclass(frozen=True)
class _Linearising:
    """A `active_batch.Search`. rivals: ``(examples, rivals)`` classes."""

    problem: AttackProblem
    options: DeepFoolOptions
    rivals: Tensor

    @property
    def steps(self) -> int:
        return self.options.steps

    def begin(self, examples: Tensor, run: Tensor) -> State:
        inputs = self.problem.inputs[examples].detach()
        return {
            "x": inputs,
            "inputs": inputs,
            "targets": self.problem.targets[examples],
            "rivals": self.rivals[examples],
            "total": torch.zeros_like(inputs),
        }

    def evaluate(self, state: State) -> Tensor:
        """Look without a graph: a gradient for each rival is dear, so those that are fooled leave before."""
        return ~is_correct(self.problem.logits(state["x"]), state["targets"])

    def advance(self, state: State) -> None:
        budget = self.problem.budget
        _, gap, gradient = nearest_boundary(
            self.problem.model, state["x"], state["targets"], budget.norm, state["rivals"]
        )
        distance, direction = _shortest_step(gap, gradient, budget.norm)
        width = budget.high - budget.low
        across = width if budget.norm == "linf" else width * math.sqrt(state["x"][0].numel())
        length = (distance + BEYOND * width).clamp_max_(across)  # or where all is flat infinity
        state["total"] = state["total"] + direction.mul_(spread(length, direction))
        point = state["inputs"] + (1.0 + self.options.overshoot) * state["total"]
        state["x"] = point.clamp_(budget.low, budget.high)

    def last(self, state: State) -> Tensor:
        return state["x"]


def _rivals(problem: AttackProblem, candidates: int) -> Tensor:
    """Return the most likely wrong classes of each input, the likeliest first: ``(examples, rivals)``."""
    logits = problem.logits(problem.inputs)
    others = logits.scatter(1, problem.targets.long()[:, None], -torch.inf)
    return others.topk(min(candidates, logits.shape[1]) - 1, dim=1).indices


def _shortest_step(gap: Tensor, gradient: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """Return the distance to a linearised boundary ``(batch,)`` and the step of length 1 towards it.

    Infinite where the gradient is zero.
    """
    size = torch.linalg.vector_norm(gradient.flatten(1), DUAL[norm], dim=1)
    distance = torch.where(size > 0, gap.abs() / size, torch.inf).to(gradient.dtype)
    if norm == "linf":
        return distance, gradient.sign()
    return distance, gradient / spread(size.clamp_min(torch.finfo(size.dtype).tiny), gradient)
