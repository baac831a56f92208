"""Whether the first line of a table of text names the columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from harness_datasets.tables.cells import read_number

LOOKED_AT = 1000  # rows beside which the first line is held


def looks_like_row(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether each name is a number above numbers, or a word that its column holds, too.

    Whole numbers that go up in equal steps, as years and places do, are names.
    """
    numbers = [_number(name) for name in header]
    known = [value for value in numbers if value is not None]
    steps = {later - value for value, later in pairwise(known)}
    if len(steps) == 1 and 0.0 not in steps and all(value == int(value) for value in known):
        return False
    first = rows[:LOOKED_AT]
    if len(first) < 2 or not all(header):
        return False
    for place, (name, number) in enumerate(zip(header, numbers, strict=True)):
        cells = [row[place].strip() for row in first]
        counted = sum(_number(text) is not None for text in cells)
        if number is not None and 2 * counted < len(cells):
            return False
        if number is None and (name.strip() not in cells or 2 * counted >= len(cells)):
            return False
    return True


def _number(text: str) -> float | None:
    value = read_number(text.strip(), ".")
    return read_number(text.strip(), ",") if value is None else value
