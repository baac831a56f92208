"""Words for a person."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.counts import list_some, printable


def duration(seconds: float) -> str:
    """Return a time: "50 s", "3:20 min", "2:05 h"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def changed_files(paths: Sequence[str]) -> str:
    """Return a line that names files which have changed since jobs read them; at most three."""
    shown = [printable(path, kept="") for path in paths]
    return f"changed since jobs have read it: {list_some(shown, most=3)}"
