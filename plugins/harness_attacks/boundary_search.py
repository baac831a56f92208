"""The search of fab and fab-t, an evaluation for each iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from harness_attacks.active_batch import State
from harness_attacks.attack_problem import AttackProblem, differentiate, is_correct, spread
from harness_attacks.boundary import nearest_boundary
from harness_attacks.hyperplane import shortest_steps
from harness_attacks.losses import difference
from harness_attacks.options import FabOptions


@dataclass(frozen=True)
class Nearest:
    """The nearest misclassified points so far, written in place.

    points: ``(examples, *shape)``, the inputs where none was found. sizes: ``(examples,)``, their
    distances, infinite where none was found.
    """

    points: Tensor
    sizes: Tensor

    @classmethod
    def none(cls, inputs: Tensor) -> Nearest:
        """Return what is known before the search."""
        sizes = torch.full_like(inputs.flatten(1)[:, 0], math.inf)
        return cls(inputs.detach().clone(), sizes)


@dataclass(frozen=True)
class BoundarySearch:
    """A `active_batch.Search`: an evaluation for each iteration of FAB, and one at the end.

    goals: ``(examples, targets)`` classes; None: the class whose boundary is nearest.
    nearest: where to note points found; None: the first inside the ball ends the search.
    generator: of the authors' random stream; None: noise belongs to the example.
    waits: the host may look at values, and so choose the rows that the model is asked about; else it is asked
    about all of them, with the same outcome.
    """

    problem: AttackProblem
    options: FabOptions
    goals: Tensor | None
    nearest: Nearest | None
    generator: torch.Generator | None
    waits: bool = True

    @property
    def steps(self) -> int:
        """Evaluations of a run."""
        return self.options.steps + 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which runs begin."""
        inputs = self.problem.inputs[examples].detach()
        state = {
            "x": self._start(examples, run),
            "examples": examples,
            "inputs": inputs,
            "targets": self.problem.targets[examples],
            "value": torch.zeros_like(inputs.flatten(1)[:, 0]),
            "gradient": torch.zeros_like(inputs),
            "crossed": torch.zeros_like(examples, dtype=torch.bool),
        }
        if self.goals is not None:
            state["goals"] = self.goals[examples, run // self.options.restarts]
        return state

    def evaluate(self, state: State) -> Tensor:
        """Return which are fooled inside the ball; move other misclassified rows back; find gradients."""
        ending = state["age"] >= self.options.steps
        first = state["crossed"] | ending if self.waits else torch.ones_like(ending)
        wrong = self._ask(state, first)
        fooled = self._meet(state, wrong)
        late = self._differentiate(state, ~ending & self._stays(fooled)) & ~first
        if self.waits and late.any():
            met = self._meet(state, late)
            self._differentiate(state, late & ~met)
            fooled |= met
        state["crossed"] = state["crossed"] | wrong | late
        return fooled

    def advance(self, state: State) -> None:
        """Take an iteration's step."""
        budget, options = self.problem.budget, self.options
        x, inputs = state["x"].flatten(1), state["inputs"].flatten(1)
        normals, gaps = state["gradient"].flatten(1), state["value"]
        starts = [(x, gaps), (inputs, gaps + (normals * (inputs - x)).sum(1))]
        from_x, from_inputs = shortest_steps(
            normals, starts, budget.norm, budget.low, budget.high, self.waits
        )
        near, far = budget.size(from_x), budget.size(from_inputs)
        tiny = torch.finfo(near.dtype).tiny
        share = (near / (near + far).clamp_min(tiny)).clamp_max(options.alpha_max)
        from_x.mul_(options.eta).add_(x)
        from_inputs.mul_(options.eta).add_(inputs)
        moved = from_x.lerp_(from_inputs, share[:, None]).clamp_(budget.low, budget.high)
        state["x"] = moved.view_as(state["x"])

    def last(self, state: State) -> Tensor:
        """Return the inputs: no point inside the ball was found."""
        return state["inputs"]

    def _ask(self, state: State, mask: Tensor) -> Tensor:
        """Return which of some rows are misclassified, by a forward pass: ``(batch,)`` bool."""
        rows = self._rows(mask)
        wrong = torch.zeros_like(mask)
        x = state["x"][rows]
        if len(x):
            wrong[rows] = ~is_correct(self.problem.logits(x), state["targets"][rows])
        return wrong

    def _meet(self, state: State, wrong: Tensor) -> Tensor:
        """Note misclassified points, and move those back that do not end the search; return which end it."""
        fooled = torch.zeros_like(wrong)
        if self.waits and not wrong.any():
            return fooled
        sizes = self.problem.budget.size(state["x"] - state["inputs"])
        if self.nearest is None:
            fooled = wrong & (sizes <= self.problem.budget.epsilon)
        else:
            self._note(state, wrong, sizes, self.nearest)
        weight = (1.0 - self.options.beta) * (wrong & ~fooled).to(sizes.dtype)
        back = spread(weight, state["x"])
        state["x"] = torch.lerp(state["x"], state["inputs"], back)
        return fooled

    def _note(self, state: State, wrong: Tensor, sizes: Tensor, nearest: Nearest) -> None:
        closer = wrong & (sizes < nearest.sizes[state["examples"]])
        rows = self._rows(closer)
        examples, x, closer = state["examples"][rows], state["x"][rows], closer[rows]
        if self.problem.judge is not None and len(x):
            closer &= ~self.problem.judge(x, state["targets"][rows])
        nearest.sizes[examples] = torch.where(closer, sizes[rows], nearest.sizes[examples])
        nearest.points[examples] = torch.where(spread(closer, x), x, nearest.points[examples])

    def _stays(self, fooled: Tensor) -> Tensor:
        """Return which rows stay in the batch after this evaluation; a judge may keep those that are fooled."""
        return ~fooled if self.problem.judge is None else torch.ones_like(fooled)

    def _differentiate(self, state: State, mask: Tensor) -> Tensor:
        """Find value and gradient at "x" for some rows; return which of them are misclassified there."""
        rows = self._rows(mask)
        wrong = torch.zeros_like(mask)
        x, targets = state["x"][rows], state["targets"][rows]
        if not len(x):
            return wrong
        if self.goals is None:
            norm = self.problem.budget.norm
            logits, value, gradient = nearest_boundary(self.problem.model, x, targets, norm)
        else:
            logits, value, gradient = differentiate(
                self.problem.model, x, targets, difference, state["goals"][rows]
            )
        value = torch.nan_to_num(value, 0.0, 0.0, 0.0)
        beyond = (value - self._resolution(logits, gradient)) / self.options.eta
        value = torch.where(value > 0, value, torch.minimum(value, beyond))
        state["value"][rows] = value.to(state["value"].dtype)
        state["gradient"][rows] = gradient
        wrong[rows] = ~is_correct(logits, targets)
        return wrong

    def _resolution(self, logits: Tensor, gradient: Tensor) -> Tensor:
        """Return the least difference of logits ``(batch,)`` that their rounding and that of x let one see.

        A step goes at least so far beyond the boundary, or x could stay on it for good.
        """
        budget = self.problem.budget
        coarse = self.problem.judge is not None  # the model computes in bfloat16, at worst
        seen = torch.finfo(torch.bfloat16 if coarse else logits.dtype).eps
        largest = torch.nan_to_num(logits, 0.0, 0.0, 0.0).abs().amax(1)
        slope = gradient.flatten(1).abs().sum(1).to(logits.dtype)
        moved = torch.finfo(gradient.dtype).eps * max(abs(budget.low), abs(budget.high))
        return 2.0 * (seen * largest + moved * slope)

    def _start(self, examples: Tensor, run: Tensor) -> Tensor:
        points = self.problem.inputs[examples].detach()
        if self.options.restarts == 1:
            return points
        for number in torch.unique(run).tolist():
            if number % self.options.restarts:
                (rows,) = (run == number).nonzero(as_tuple=True)
                points[rows] = self._noisy(points[rows], examples[rows], number)
        return points

    def _noisy(self, inputs: Tensor, examples: Tensor, run: int) -> Tensor:
        """Return inputs ``(batch, *shape)`` and noise of half a radius, moved into the box."""
        budget, shape = self.problem.budget, tuple(inputs.shape[1:])
        if self.generator is None:
            draws = self.problem.draws.select(examples).at("restart", run)
            draw = draws.uniform if budget.norm == "linf" else draws.normal
            noise = draw("noise", shape)
        else:
            draw_all = torch.rand if budget.norm == "linf" else torch.randn
            noise = draw_all(inputs.shape, generator=self.generator).to(inputs.device)
        if budget.norm == "linf":
            noise = 2.0 * noise - 1.0
        noise = noise.to(inputs.dtype)
        radius = torch.full_like(budget.size(noise), budget.epsilon)
        if self.nearest is not None:
            box = budget.size(torch.full_like(noise, budget.high - budget.low))
            found = self.nearest.sizes[examples]
            radius = torch.where(found.isfinite(), found, box)
        length = 0.5 * radius / budget.size(noise).clamp_min(1e-12)
        noise = noise * length.view(-1, *[1] * len(shape))
        return (inputs + noise).clamp_(budget.low, budget.high)

    def _rows(self, mask: Tensor) -> Tensor | slice:
        """Return the places of True; all places where all are, or where the host does not wait to know."""
        if not self.waits or bool(mask.all()):
            return slice(None)
        (rows,) = mask.nonzero(as_tuple=True)
        return rows
