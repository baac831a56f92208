"""The corrupted copies that a measure's options ask for with `shifts` and `severities`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Protocol

from harness.catalogue.left_out import LeftOut
from harness.errors import NotApplicable
from harness.measure.context import Examples, MeasureContext


class UnderShifts(Protocol):
    """Options that name shifts, and severities 1 to 5."""

    @property
    def shifts(self) -> tuple[str, ...]:
        """Names of shifts."""
        ...

    @property
    def severities(self) -> tuple[int, ...]:
        """Severities of each of them."""
        ...


def shift_pairs(options: UnderShifts) -> list[tuple[str, int]]:
    """Return the (shift, severity) pairs whose corrupted copies a measure reads."""
    return [(shift, severity) for shift in options.shifts for severity in options.severities]


def corrupted_copies(
    context: MeasureContext, pairs: Iterable[tuple[str, int]], needed: bool = False
) -> Iterator[tuple[tuple[str, int], Examples]]:
    """Yield the pairs of which a corrupted copy of the data exists, each with the copy; warn of the other shifts.

    Raises:
        NotApplicable: One copy is `needed`, and no shift takes the data.
    """
    found, reasons = 0, dict[str, None]()
    for shift, severity in pairs:
        try:
            examples = context.corrupted(shift, severity)
        except NotApplicable as reason:
            reasons[f"shift {shift} is left out: {reason}"] = None
            continue
        found += 1
        yield (shift, severity), examples
    if needed and not found:
        raise NotApplicable("; ".join(reasons))
    for words in reasons:
        warnings.warn(words, LeftOut, stacklevel=1)
