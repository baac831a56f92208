"""Constants by severity and by the size of the image.

The published corruptions have one table for 32 px (CIFAR-C) and one for 224 px (ImageNet-C). Between
the two sizes the constant is interpolated in the shorter side; outside, the nearer table holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import UsageError

SMALL_SIDE, LARGE_SIDE = 32, 224


def at_severity(table: Sequence[float], severity: int) -> float:
    """Return the constant of a severity, 1 to 5.

    Raises:
        UsageError: There is no such severity.
    """
    if severity not in range(1, len(table) + 1):
        raise UsageError(f"severity {severity!r} of a shift; allowed: 1 to {len(table)}")
    return table[severity - 1]


def at_side(small: Sequence[float], large: Sequence[float], severity: int, side: int) -> float:
    """Return the constant of a severity for images whose shorter side is `side` pixels."""
    first, last = at_severity(small, severity), at_severity(large, severity)
    share = min(1.0, max(0.0, (side - SMALL_SIDE) / (LARGE_SIDE - SMALL_SIDE)))
    return first + share * (last - first)
