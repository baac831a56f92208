"""Units of metrics, and what each says of its figures; numbers in so many digits."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """What is known of a unit.

    low, high: the least and the most that a figure can be. scales: two figures are compared by their ratio,
    where they are positive. timed: the same thing on the same machine gives another figure in another run.
    """

    low: float = -math.inf
    high: float = math.inf
    scales: bool = False
    timed: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most that a figure can be."""
        return self.low, self.high


_AMOUNT = Unit(low=0.0, scales=True)
_TIMED = Unit(low=0.0, scales=True, timed=True)
UNITS = {
    "fraction": Unit(low=0.0, high=1.0),
    "ratio": Unit(low=0.0),  # of two like quantities, which may be above 1
    "nats": Unit(low=0.0),
    **dict.fromkeys(("bytes", "B/s", "count", "FLOP", "FLOP/B"), _AMOUNT),
    "CPU s": _AMOUNT,  # of the cores that worked, whatever else ran
    **dict.fromkeys(("s", "1/s", "J", "W", "FLOP/s"), _TIMED),
}
TIMED_UNITS = tuple(name for name, unit in UNITS.items() if unit.timed)


def unit_of(name: str) -> Unit:
    """Return what is known of a unit; of one that is not in the table, nothing."""
    return UNITS.get(name, Unit())


def significant(value: float, digits: int) -> str:
    """Return `digits` significant digits, thousands separated, without trailing zeros."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
