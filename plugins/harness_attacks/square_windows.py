"""Square windows of images, one for each example, and the pattern that is put into them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

HALVINGS = (
    10,
    50,
    200,
    500,
    1000,
    2000,
    4000,
    6000,
    8000,
)  # proposals, after which the share halves


def window_sides(share: float, height: int, width: int, norm: str) -> list[int]:
    """Return the side of the windows in each phase; a phase's share of the pixels is half the one before.

    In L2 and L1 a side is odd and at least 3, as the pattern has a middle. None is longer than the
    plane's shorter one.
    """
    sides = []
    for phase in range(len(HALVINGS) + 1):
        side = round(math.sqrt(share / 2**phase * height * width))
        side = max(side, 1) if norm == "linf" else max(side, 3) // 2 * 2 + 1
        sides.append(min(side, height, width))
    return sides


@dataclass(frozen=True)
class Windows:
    """Windows ``(batch,)``; all are listed with as many pixels as the widest has.

    A smaller one repeats its last row and column. top, left: ``(batch,)``. side, inner, own and pattern may
    have one row for all: inner: ``(batch, widest)``, rows or columns counted from the corner. pixels:
    ``(batch, widest^2)``, places in the flattened plane. own: False for a repetition. pattern: that of
    the window's pixels; empty in Linf.
    """

    top: Tensor
    left: Tensor
    side: Tensor
    inner: Tensor
    pixels: Tensor
    own: Tensor
    pattern: Tensor

    def holds(self, other: Windows) -> Tensor:
        """Return which pixels of another window lie in this one, too: ``(batch, widest^2)`` bool."""
        side = self.side[:, None]
        rows = other.inner + (other.top - self.top)[:, None]
        columns = other.inner + (other.left - self.left)[:, None]
        in_rows, in_columns = (rows >= 0) & (rows < side), (columns >= 0) & (columns < side)
        return _outer(in_rows, in_columns, torch.bitwise_and)


@dataclass(frozen=True)
class WindowTables:
    """What windows of all phases look like, made once, on the device and in the type of `like`."""

    sides: tuple[int, ...]
    width: int
    norm: str
    like: Tensor

    @cached_property
    def _halvings(self) -> tuple[Tensor, Tensor]:
        here = torch.tensor(HALVINGS)
        return here, here.to(self.like.device)

    @cached_property
    def _tables(self) -> dict[int, tuple[Tensor, ...]]:
        return {}

    @cached_property
    def _phases(self) -> Tensor:
        return torch.arange(len(self.sides), device=self.like.device)

    @cached_property
    def _sides(self) -> tuple[Tensor, Tensor]:
        here = torch.tensor(self.sides)
        return here, here.to(self.like.device)

    def phases(self, ages: Tensor, host_ages: Tensor) -> tuple[Tensor, int]:
        """Return the phases for ages ``(batch,)``, of one row where all are the same, and the longest side."""
        phases = torch.bucketize(host_ages, self._halvings[0])
        least, most = int(phases.min()), int(phases.max())
        if least == most:
            return self._phases[least : least + 1], self.sides[least]
        return torch.bucketize(ages, self._halvings[1]), self.sides[least]

    def sides_at(self, ages: Tensor) -> Tensor:
        """Return the sides of windows at ages ``(n,)``."""
        return self._sides[1][torch.bucketize(ages, self._halvings[1])]

    def open(
        self, top: Tensor, left: Tensor, phase: Tensor, widest: int, turned: Tensor | None = None
    ) -> Windows:
        """Return windows by their corners ``(batch,)`` and phases.

        turned: ``(batch,)`` int, 1 where the pattern's rows are the window's columns; None: no pattern.
        """
        inner, offsets, own, patterns = self._at(widest)
        corner = (top * self.width + left)[:, None]
        return Windows(
            top,
            left,
            self._sides[1][phase],
            inner[phase],
            corner + offsets[phase],
            own[phase],
            patterns[:0] if turned is None else patterns[turned, phase],
        )

    def _at(self, widest: int) -> tuple[Tensor, ...]:
        """Return tables with a row for each phase; of no use to phases with longer sides."""
        if widest not in self._tables:
            step = torch.arange(widest, device=self.like.device)
            sides = self._sides[1][:, None]
            inner = torch.minimum(step, sides - 1)  # (phases, widest)
            offsets = _outer(inner * self.width, inner, torch.add)
            own = _outer(step < sides, step < sides, torch.bitwise_and)
            self._tables[widest] = inner, offsets, own, self._patterns(inner)
        return self._tables[widest]

    def _patterns(self, inner: Tensor) -> Tensor:
        """Return all patterns, upright and turned, ``(2, phases, widest^2)``."""
        if self.norm == "linf":
            return self.like.new_empty(0)
        tables = []
        for place, side in zip(inner, self.sides, strict=True):
            pattern = peaks(side, self.norm).to(self.like)
            rows, columns = place[:, None], place[None, :]
            tables.append(torch.stack([pattern[rows, columns], pattern[columns, rows]]))
        return torch.stack(tables, 1).flatten(2)


def _outer(rows: Tensor, columns: Tensor, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    return join(rows[:, :, None], columns[:, None, :]).flatten(1)


def peaks(side: int, norm: str) -> Tensor:
    """Return the pattern of L2 and L1, ``(side, side)`` of norm 1: a peak in its upper half, a dip below.

    A peak falls in square rings around the middle of its rectangle: in ring r = 0, 1, ... it is the sum of
    k^-2 (L1: k^-4) over k from r + 1 to the last ring's (paper, section 4.2, and the authors' code).
    """
    half = side // 2
    return _over_norm(torch.cat([_peak(half, side, norm), -_peak(side - half, side, norm)]), norm)


def _peak(height: int, width: int, norm: str) -> Tensor:
    middle_row, middle_column = height // 2, width // 2
    last = max(middle_row, middle_column) + 1
    terms = torch.arange(1, last + 1, dtype=torch.float64) ** (-2 if norm == "l2" else -4)
    rings = terms.flip(0).cumsum(0).flip(0)
    rows = (torch.arange(height) - middle_row).abs()
    columns = (torch.arange(width) - middle_column).abs()
    return _over_norm(rings[torch.maximum(rows[:, None], columns[None, :])], norm)


def _over_norm(values: Tensor, norm: str) -> Tensor:
    size = torch.linalg.vector_norm(values, ord=2 if norm == "l2" else 1)
    return values / size if values.numel() else values
