"""How much a timed figure differs between two runs of the same thing on the same machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

DEFAULT_SD = 0.05  # of the logarithm; tests/evidence/README.md has where it comes from
LEAST_DEGREES = 6  # repeats beyond the first, of the same metric, to trust an estimate


@dataclass(frozen=True)
class Spread:
    """The standard deviation of a figure's logarithm between runs, and what is known of it.

    degrees: of freedom; infinite where it is assumed. holds_noise: whether the noise within a run is in it
    already, as in an estimate from repeated figures.
    """

    sd: float = DEFAULT_SD
    degrees: float = math.inf
    holds_noise: bool = False

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if not self.holds_noise:
            return "assumed"
        return f"from {self.degrees:.0f} repeats"


def estimate_spreads(repeats: Iterable[tuple[str, str, float]]) -> Mapping[str, Spread]:
    """Return the spread of each metric that was repeated often enough.

    repeats: (metric, key, value > 0): values of one metric and key were taken of the same thing, in
    processes of their own. The variances of the logarithms within the keys are pooled.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for metric, key, value in repeats:
        values.setdefault((metric, key), []).append(math.log(value))
    squares: dict[str, float] = {}
    degrees: dict[str, int] = {}
    for (metric, _), logs in values.items():
        squares[metric] = squares.get(metric, 0.0) + float(np.var(logs)) * len(logs)
        degrees[metric] = degrees.get(metric, 0) + len(logs) - 1
    return {
        metric: Spread(math.sqrt(squares[metric] / count), float(count), holds_noise=True)
        for metric, count in degrees.items()
        if count >= LEAST_DEGREES and squares[metric] > 0
    }
