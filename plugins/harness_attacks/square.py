"""Square Attack, a random search by square windows that needs only the model's outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import SearchResult, State, search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, is_correct, spread
from harness_attacks.options import SquareOptions
from harness_attacks.square_moves import flipped, moved, stripes, tile_grid, tiled
from harness_attacks.square_picks import AuthorsPicks, OwnPicks, Picker
from harness_attacks.square_windows import WindowTables, window_sides


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: SquareOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    From stripes (Linf) or tiles (L2, L1) of random signs: propose a change in a square window at a random
    place, ask the model, keep it if the margin z_y - max z_i, i not y, became smaller. The window's share of
    the pixels begins with `p_init` and is halved after 10, 50, 200, 500, 1000, 2000, 4000, ... proposals,
    however many there are to be. No gradient is taken: one forward pass for the start and one for each of
    `queries` proposals, until the example is fooled.

    A window may lie anywhere in the image, as in the paper's algorithm 2; the authors' code leaves out
    the last row and column of places. Everything else is as in that code, with 5,000 queries as
    AutoAttack takes them. Sequences ``(time, features)`` are images of one channel, tables
    ``(features,)`` such images of one row, where a window is one feature.

    With `options.reference` all examples share the windows that the authors' code draws by
    `torch.manual_seed(seed)`; on a CPU and with all examples in one batch the search is then theirs.

    Source: Andriushchenko et al. 2020, "Square Attack: a query-efficient black-box adversarial attack via random
    search"; in L1 Croce & Hein 2021, "Mind the box".

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    draws: of the examples, so that windows do not depend on the batch.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return attack(problem, options).perturbed


def attack(problem: AttackProblem, options: SquareOptions) -> SearchResult:
    """Search as `perturb` does; `fooled` is complete."""
    if options.reference:
        problem = replace(problem, batch_size=None)  # one stream for all, so all are of one age
    return search_examples(problem, Square(problem, options), runs=options.restarts, seen=True)


@dataclass(frozen=True)
class Square:
    """A `active_batch.Search`: the best point so far, and a proposal that is evaluated next."""

    problem: AttackProblem
    options: SquareOptions

    @property
    def steps(self) -> int:
        """Evaluations of a run: the start and the proposals."""
        return self.options.queries + 1

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which runs begin."""
        inputs = self.problem.inputs[examples].contiguous()
        state = {
            "x": self._start(examples, run),
            "inputs": inputs,
            "targets": self.problem.targets[examples],
            "best": inputs.clone(),
            "size": torch.zeros_like(inputs.flatten(1)[:, 0]),
        }
        state["margin"] = torch.full_like(state["size"], torch.inf)
        return state | self.picker.begin(examples, run)

    def evaluate(self, state: State) -> Tensor:
        """Return which are fooled, and take over what is better."""
        logits, targets = self.problem.logits(state["x"]), state["targets"]
        index = targets.long()[:, None]
        others = logits.scatter(1, index, -torch.inf).amax(1)
        margin = (logits.gather(1, index)[:, 0] - others).to(state["margin"].dtype)
        better = margin < state["margin"]
        state["margin"] = torch.where(better, margin, state["margin"])
        self._take_over(state, better)
        return ~is_correct(logits, targets)

    def advance(self, state: State) -> None:
        """Propose another point."""
        budget, tables = self.problem.budget, self._tables
        phase, widest = tables.phases(state["age"], state["host_age"])
        picks = self.picker.pick(state)
        inputs, best = (state[name].view(-1, *self._plane) for name in ("inputs", "best"))
        if budget.norm == "linf":
            window = tables.open(picks.top, picks.left, phase, widest)
            x = flipped(inputs, best, window, picks.signs, budget)
        else:
            window = tables.open(picks.top, picks.left, phase, widest, picks.turned)
            emptied = tables.open(picks.other_top, picks.other_left, phase, widest)
            x = moved(inputs, best, state["size"], window, emptied, picks.signs, budget)
        state["x"] = x.view_as(state["x"])

    def last(self, state: State) -> Tensor:
        """Return the best point."""
        return state["best"]

    def _start(self, examples: Tensor, run: Tensor) -> Tensor:
        inputs, budget = self.problem.inputs[examples], self.problem.budget
        images = inputs.reshape(-1, *self._plane)
        if budget.norm == "linf":
            start = stripes(images, self.picker.stripes(examples, run), budget)
        else:
            _, rows, columns = tile_grid(*self._plane[1:])
            start = tiled(images, *self.picker.tiles(examples, run, rows * columns), budget)
        return start.view_as(inputs)

    def _take_over(self, state: State, better: Tensor) -> None:
        """Write proposals over the best points, and measure them anew: a running sum gathers rounding."""
        x, best, inputs = state["x"], state["best"], state["inputs"]
        budget = self.problem.budget
        if better.device.type == "cpu":
            (rows,) = better.nonzero(as_tuple=True)  # few, mostly
            taken = x[rows]
            best[rows] = taken
            if budget.norm != "linf":
                state["size"][rows] = budget.size(taken - inputs[rows])
        else:
            state["best"] = torch.where(spread(better, x), x, best)
            if budget.norm != "linf":
                state["size"] = budget.size(state["best"] - inputs)

    @cached_property
    def picker(self) -> Picker:
        """Where random numbers come from."""
        if not self.options.reference:
            return OwnPicks(self.problem, self._plane, self._tables)
        generator = torch.Generator().manual_seed(self.options.seed)
        return AuthorsPicks(self.problem, self._plane, self._tables, generator)

    @cached_property
    def _plane(self) -> tuple[int, int, int]:
        """Return the shape of an example as an image."""
        shape = tuple(self.problem.inputs.shape[1:])
        channels, height, width = (1,) * (3 - len(shape)) + shape
        return channels, height, width

    @cached_property
    def _tables(self) -> WindowTables:
        _, height, width = self._plane
        norm = self.problem.budget.norm
        sides = window_sides(self.options.p_init, height, width, norm)
        return WindowTables(tuple(sides), width, norm, self.problem.inputs)
