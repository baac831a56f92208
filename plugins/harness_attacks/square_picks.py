"""What Square Attack picks at random: by draws that belong to the example, or by its authors' stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from harness.api import Draws
from harness_attacks.active_batch import State
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.square_windows import WindowTables

BLOCK = 64  # proposals whose numbers are drawn together


@dataclass(frozen=True)
class Picks:
    """A proposal for each example.

    top, left: ``(batch,)``, the window's corner; other_top, other_left: of the window that is emptied (L2, L1).
    turned: ``(batch,)`` int, 1 where the pattern is. signs: ``(batch or 1, channels)``, -1 or 1.
    """

    top: Tensor
    left: Tensor
    other_top: Tensor
    other_left: Tensor
    turned: Tensor
    signs: Tensor


class Picker(Protocol):
    """A source of picks for planes ``(channels, height, width)``."""

    def stripes(self, examples: Tensor, run: Tensor) -> Tensor:
        """Return the first signs in Linf, ``(batch, channels, 1, width)``."""
        ...

    def tiles(self, examples: Tensor, run: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return which tiles' patterns are turned, ``(batch, count)``, and signs ``(batch, channels, count)``."""
        ...

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return what the state must hold for picks."""
        ...

    def pick(self, state: State) -> Picks:
        """Return the picks of the next proposal."""
        ...


@dataclass(frozen=True)
class OwnPicks:
    """Picks by draws that belong to the example; a window may lie anywhere in the plane.

    Those of `BLOCK` proposals are made at once and kept in the state, so that they cost little.
    plane: (channels, height, width).
    """

    problem: AttackProblem
    plane: tuple[int, int, int]
    tables: WindowTables

    def stripes(self, examples: Tensor, run: Tensor) -> Tensor:
        """Return the first signs in Linf."""
        channels, _, width = self.plane
        return _signs(self._draw(self._ids(examples, run), "stripes", (channels, 1, width)))

    def tiles(self, examples: Tensor, run: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return how tiles' patterns are turned, and their signs."""
        drawn = self._draw(self._ids(examples, run), "tiles", (1 + self.plane[0], count))
        return drawn[:, 0] > 0.5, _signs(drawn[:, 1:])

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return room for a block of picks, filled when the first proposal is made."""
        rows = (len(examples), BLOCK)
        return {
            "ids": self._ids(examples, run),
            "places": torch.zeros((*rows, 5), dtype=torch.int64, device=examples.device),
            "signs": torch.zeros((*rows, self.plane[0]), device=examples.device),
        }

    def pick(self, state: State) -> Picks:
        """Return the picks of the next proposal."""
        self._refill(state)
        slot = state["age"] % BLOCK
        rows = torch.arange(len(slot), device=slot.device)
        top, left, below, beside, turned = state["places"][rows, slot].unbind(1)
        return Picks(top, left, below, beside, turned, state["signs"][rows, slot])

    def _refill(self, state: State) -> None:
        """Make further picks for the rows that have used up theirs."""
        ages = state["host_age"]
        due = ages[ages % BLOCK == 0]
        for age in torch.unique(due).tolist() if len(due) else ():
            rows: Tensor | slice = slice(None)
            if len(due) < len(ages) or bool((due != age).any()):
                rows = (ages == age).nonzero()[:, 0].to(state["age"].device, non_blocking=True)
            state["places"][rows], state["signs"][rows] = self._block(state["ids"][rows], age)

    def _block(self, ids: Tensor, age: int) -> tuple[Tensor, Tensor]:
        """Return corners and whether patterns are turned, ``(batch, BLOCK, 5)``, and signs."""
        channels, height, width = self.plane
        drawn = self._draw(ids, f"proposals from {age}", (5 + channels, BLOCK))
        side = self.tables.sides_at(torch.arange(age, age + BLOCK, device=ids.device))
        places = [
            torch.minimum((drawn[:, row] * (extent + 1 - side)).long(), extent - side)
            for row, extent in enumerate((height, width, height, width))
        ]
        places.append((drawn[:, 4] > 0.5).long())
        return torch.stack(places, 2), _signs(drawn[:, 5:]).transpose(1, 2)

    def _ids(self, examples: Tensor, run: Tensor) -> Tensor:
        """Return ids that tell runs apart, too."""
        return self.problem.draws.ids[examples] + (run << 40)

    def _draw(self, ids: Tensor, stream: str, shape: tuple[int, ...]) -> Tensor:
        return Draws(self.problem.draws.at("square").key, ids).uniform(stream, shape)


@dataclass(frozen=True)
class AuthorsPicks:
    """Picks from `torch.rand` in the order and shapes of the authors' code; all examples are of one age.

    All share a window, whose corner is never in the last row or column that there is room for; in Linf they
    share the signs as well.
    """

    problem: AttackProblem
    plane: tuple[int, int, int]
    tables: WindowTables
    generator: torch.Generator

    def stripes(self, examples: Tensor, run: Tensor) -> Tensor:
        """Return the first signs in Linf."""
        channels, _, width = self.plane
        return _signs(self._rand(len(examples), channels, 1, width))

    def tiles(self, examples: Tensor, run: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return how tiles' patterns are turned, and their signs."""
        turned, signs = [], []
        for _ in range(count):
            turned.append((self._rand(1) > 0.5).expand(len(examples)))
            signs.append(_signs(self._rand(len(examples), self.plane[0])))
        return torch.stack(turned, 1), torch.stack(signs, 2)

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return nothing."""
        return {}

    def pick(self, state: State) -> Picks:
        """Return the picks of the next proposal."""
        channels, height, width = self.plane
        side, count = self.tables.sides_at(state["age"]), len(state["age"])
        linf = self.problem.budget.norm == "linf"
        corners = [
            ((extent - side) * self._rand(1)).long()
            for extent in ((height, width) if linf else (height, width) * 2)
        ]
        turned = torch.zeros_like(side) if linf else (self._rand(1) > 0.5).long().expand(count)
        signs = _signs(self._rand(1 if linf else count, channels))
        top, left, below, beside = (*corners[:2], *corners[-2:])
        return Picks(top, left, below, beside, turned, signs)

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator).to(self.problem.inputs.device)


def _signs(drawn: Tensor) -> Tensor:
    """Return the sign of 2 u - 1, and never 0."""
    return torch.where(drawn < 0.5, -1.0, 1.0)
