"""Means of examples that lie in time, and how sure they are: windows next to each other err alike, so blocks of them are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Autocorrelations, of which none is more than chance where values hang together no longer.
_IN_A_ROW = 5


@dataclass(frozen=True)
class InTime:
    """When examples are: ``(n,)``, the place of each among the times that they begin at. block: times that belong together."""

    places: Array
    block: int

    @classmethod
    def of(cls, starts: Array, steps: int) -> InTime:
        """Take the steps ``(n,)`` at which examples begin, windows of so many steps; several series have windows at one.

        A block holds the times of all windows that have a step in common with its first one, as many as there are anywhere (series that
        end at different steps have windows between each other's), and at least the cubic root of the number of times, by which blocks
        of many windows are long and many (Künsch 1989).
        """
        times, places = np.unique(starts, return_inverse=True)
        together = np.searchsorted(times, times + steps) - np.arange(len(times))
        return cls(places, max(int(together.max(initial=1)), round(len(times) ** (1 / 3))))

    def some(self, index: Array) -> InTime:
        """Return the examples of a mask or of places among them ``(n,)``, in the order of these."""
        return InTime(np.unique(self.places[index], return_inverse=True)[1], self.block)

    @property
    def blocks(self) -> float:
        """How many blocks the times make up; below two nothing is known of how they differ."""
        return float(len(np.unique(self.places)) / self.block)

    def variance(self, values: Array) -> float:
        """Return the variance of the mean of values ``(n,)``; NaN where there are fewer than two blocks of times.

        It is that of the circular block bootstrap (Politis & Romano 1992), which moves blocks of times, with the windows of
        all series at them, by all places; for means it is known without drawing: the mean square of sums of deviations over blocks,
        over the block's length. It is widened by k / (k - 1) of k blocks.
        """
        sums = self._sums(values)
        times = len(sums)
        blocks = times / self.block
        if blocks < 2:
            return math.nan
        around = np.concatenate([[0.0], np.cumsum(np.concatenate([sums, sums[: self.block]]))])
        of_blocks = around[self.block : self.block + times] - around[:times]
        widened = np.square(of_blocks).sum() / self.block * blocks / (blocks - 1)
        return float(widened) / len(values) ** 2

    def drawn_counts(self, resamples: int, seed: int = 0) -> Array:
        """Return how often each example comes in resamples of the circular block bootstrap, ``(resamples, n)``; drawn by numpy's PCG64.

        Means over them vary by `variance`, but for its k / (k - 1) of k blocks.
        """
        times = int(self.places.max()) + 1
        draw = np.random.default_rng(seed)
        starts = draw.integers(0, times, size=(resamples, math.ceil(times / self.block), 1))
        drawn = (starts + np.arange(self.block)).reshape(resamples, -1)[:, :times] % times
        counts = np.stack([np.bincount(row, minlength=times) for row in drawn])
        return counts[:, self.places].astype(np.float64)

    def fitted(self, values: Array) -> InTime:
        """Return the same times in longer blocks, where values ``(n,)`` hang together for longer than one: at most in four.

        Their length is the one with which the circular block bootstrap errs least (Politis & White 2004, Econometric Reviews 23:53,
        as Patton, Politis & White 2009, 28:372, corrected it): by autocovariances, up to twice the lag behind which five in a row
        are no more than chance.
        """
        sums = self._sums(values)
        times = len(sums)
        most = times // 4
        if most <= self.block or not sums.any():
            return self
        lags = np.arange(math.ceil(math.sqrt(times)) + _IN_A_ROW)
        together = np.array([sums[: times - lag] @ sums[lag:] for lag in lags])
        chance = np.abs(together) < 2 * math.sqrt(math.log10(times) / times) * together[0]
        last = next((lag for lag in lags[:-_IN_A_ROW] if chance[lag + 1 :][:_IN_A_ROW].all()), lags[-1])  # fmt: skip
        lags = lags[: 2 * max(1, last) + 1]
        weights = np.minimum(1.0, 2 * (1 - lags / lags[-1])) * np.where(lags > 0, 2, 1)
        level, slope = (float(weights @ (together[lags] * power)) for power in (1, lags))
        wanted = most if level <= 0 else round((1.5 * (slope / level) ** 2 * times) ** (1 / 3))
        return InTime(self.places, min(max(self.block, wanted), most))

    def _sums(self, values: Array) -> Array:
        """Return the sum of deviations from the mean at each time."""
        return np.bincount(self.places, weights=values - values.mean())

    def mean_interval(self, values: Array) -> tuple[float, float] | None:
        """Return the interval at 95 % of the mean of values ``(n,)``, by `variance` and Student's t of k - 1 degrees for k
        blocks, which are `fitted`; None where there are fewer than two.
        """
        from scipy.special import stdtrit

        if self.blocks < 2:
            return None
        fitted = self.fitted(values)
        half = float(stdtrit(fitted.blocks - 1, 0.975)) * math.sqrt(fitted.variance(values))
        return float(values.mean()) - half, float(values.mean()) + half
