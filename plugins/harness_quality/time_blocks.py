"""Means of windows of time series, and how sure they are: windows next to each other err alike, so blocks of them are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class InTime:
    """When windows are: ``(n,)``, the place of each among the times that windows begin at. block: times that belong together."""

    places: Array
    block: int

    @classmethod
    def of(cls, starts: Array, steps: int) -> InTime:
        """Take the steps ``(n,)`` at which windows of so many steps begin; several series have windows at one.

        A block holds the windows that have a step in common with its first one, and at least the cubic root of the
        number of times, by which blocks of many windows are long and many (Künsch 1989).
        """
        times, places = np.unique(starts, return_inverse=True)
        apart = int(np.diff(times).min()) if len(times) > 1 else steps
        return cls(places, max(math.ceil(steps / apart), round(len(times) ** (1 / 3))))

    def some(self, mask: Array) -> InTime:
        """Return the windows of a mask."""
        return InTime(np.unique(self.places[mask], return_inverse=True)[1], self.block)

    def mean_interval(self, values: Array) -> tuple[float, float] | None:
        """Return the interval at 95 % of the mean of values ``(n,)``; None where there are fewer than two blocks of times.

        The variance is that of the circular block bootstrap (Politis & Romano 1992), which moves blocks of times, with the windows of
        all series at them, by all places; for means it is known without drawing: the mean square of sums of deviations over blocks,
        over the block's length. It is widened by k / (k - 1) of k blocks, and Student's t of k - 1 degrees gives the ends.
        """
        from scipy.special import stdtrit

        sums = np.bincount(self.places, weights=values - values.mean())
        times = len(sums)
        blocks = times / self.block
        if blocks < 2:
            return None
        around = np.concatenate([[0.0], np.cumsum(np.concatenate([sums, sums[: self.block]]))])
        of_blocks = around[self.block : self.block + times] - around[:times]
        variance = np.square(of_blocks).sum() / self.block * blocks / (blocks - 1)
        half = float(stdtrit(blocks - 1, 0.975)) * math.sqrt(variance) / len(values)
        return float(values.mean()) - half, float(values.mean()) + half
