"""Words for a person."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a time: "50 s", "3:20 min", "2:05 h"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def counted(count: int, noun: str) -> str:
    """Return a number of things: "1 job", "3 jobs"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
