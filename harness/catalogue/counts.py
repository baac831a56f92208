"""How many of what, in words."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things: "1 job", "0 jobs", "3,000 jobs".

    many: what follows other numbers than 1, where that is not `one` and an s ("1 row has", "2 rows have").
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
