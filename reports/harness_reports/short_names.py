"""Names that stand in little room, such as those of data sets with their paths."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

_BREAKS = re.compile(r"[:/,=]")


def short_names(names: Sequence[str], most: int) -> list[str]:
    """Return names of at most so many letters that still tell each other apart; as they are where all are that short.

    What all begin with is left out, up to a sign of an item's name or path; then the middle of those that are still too
    long. Where two would be alike, each has its number before it.
    """
    if all(len(name) <= most for name in names):
        return list(names)
    head = os.path.commonprefix(list(names)) if len(names) > 1 else ""
    cut = max((found.end() for found in _BREAKS.finditer(head)), default=0)
    short = [_without_middle(name[cut:], most) for name in names]
    if len(set(short)) < len(set(names)):
        short = [f"{number} {name}" for number, name in enumerate(short, 1)]
    return short


def _without_middle(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    tail = most // 2
    return f"{name[: most - tail - 1]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"
