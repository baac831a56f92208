"""A figure of examples with its standard error, and the interval that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api.measuring import Z95

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EstimateWithError:
    """A value and its standard error; NaN for none, as of one example."""

    value: float
    error: float

    @classmethod
    def of_mean(cls, values: Array) -> EstimateWithError:
        """Return the mean of values ``(examples,)``."""
        return cls.of_influences(float(values.mean()), values)

    @classmethod
    def of_influences(cls, value: float, influences: Array) -> EstimateWithError:
        """Return a smooth statistic whose change by each example, to first order, is its influence / n.

        The infinitesimal jackknife: the standard error is that of the mean of influences ``(examples,)``
        (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6).
        """
        n = len(influences)
        return cls(value, float(influences.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan)

    def interval(
        self, least: float = -math.inf, most: float = math.inf
    ) -> tuple[float, float] | tuple[None, None]:
        """Return the ends of the normal interval at 95 %, inside what the figure can be."""
        if not math.isfinite(self.error):
            return None, None
        half = Z95 * self.error
        return (
            min(self.value, max(least, self.value - half)),
            max(self.value, min(most, self.value + half)),
        )
