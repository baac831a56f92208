"""Constants by severity and by the size of the image.

The published corruptions have a table for 32 px (make_cifar_c.py), for 64 (make_tinyimagenet_c.py) and
for 224 (make_imagenet_c.py of github.com/hendrycks/robustness). An image of another size takes the table
whose side is nearest to its shorter one as a ratio: from 46 px on that of 64, from 120 px on that of 224. Lengths
in pixels grow and shrink with the side from there, but below 32 px stay what they are at 32: a pixel is as
large a share of an object then as it gets, and a blur by a fraction of one would be none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from harness.api import UsageError

SIDES = (32, 64, 224)

T = TypeVar("T")


def at_severity(table: Sequence[T], severity: int) -> T:
    """Return the constant of a severity, 1 to 5.

    Raises:
        UsageError: There is no such severity.
    """
    if severity not in range(1, len(table) + 1):
        raise UsageError(f"severity {severity!r} of a shift; allowed: 1 to {len(table)}")
    return table[severity - 1]


def nearest_side(side: int) -> int:
    """Return the published side that is nearest to `side` as a ratio."""
    return min(SIDES, key=lambda known: abs(math.log(max(side, 1) / known)))


def at_side(tables: Mapping[int, Sequence[T]], severity: int, side: int) -> T:
    """Return the constant of a severity for images whose shorter side is `side` pixels.

    tables: for each of `SIDES` the constants by severity.
    """
    return at_severity(tables[nearest_side(side)], severity)


def length_scale(side: int) -> float:
    """Return by how much lengths in pixels differ from those of the table that `at_side` takes."""
    return max(side, SIDES[0]) / nearest_side(side)
