"""The interval of a proportion, for measures and for tables alike; imports nothing heavy."""

from __future__ import annotations

import math

Z95 = 1.959963984540054  # the standard normal's 97.5th percentile


def wilson(share: float, n: float, quantile: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion (Wilson 1927, JASA 22:209).

    share: 0 to 1, seen in n trials (n need not be whole: an effective number). quantile: of the normal
    distribution; by default that of 95 %. The interval holds the share, stays in [0, 1], and has width
    where the share is 0 or 1; without a trial it is [0, 1].
    """
    if n <= 0:
        return 0.0, 1.0
    square = quantile**2
    scale = 1.0 / (1.0 + square / n)
    centre = scale * (share + square / (2 * n))
    half = scale * quantile * math.sqrt(share * (1.0 - share) / n + square / (4 * n**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
