"""An example of any shape as the one row of a table."""

from __future__ import annotations

import math

from torch import nn


def shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of values."""
    return (math.prod(shape),)


def layer() -> nn.Module:
    """``(batch, *shape)`` -> ``(batch, values)``."""
    return nn.Flatten()
