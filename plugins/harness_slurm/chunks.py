"""How many Slurm tasks a number of jobs gets, and for how long: from what they are likely to take. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

CHUNK_SECONDS = 60.0  # of work that a task is worth being started for
_START_SECONDS = 120.0  # for a task to import what jobs need
_MARGIN = 3.0  # times as long as it is likely may a job take
_LEAST_SECONDS = 60.0
_UNKNOWN_SECONDS = (
    900.0  # for a job of which nothing is known; one that takes longer comes back and has more
)


def tasks_wanted(likely: Sequence[float | None]) -> int:
    """Return how many tasks jobs are worth: one a minute of work, and one for each of which nothing is known."""
    chunks = sum(1.0 if one is None else min(1.0, one / CHUNK_SECONDS) for one in likely)
    return math.ceil(chunks)


def allowance(likely: float | None, limit: float) -> float:
    """Return how many seconds a task must have left to take a job. limit: after which it is killed."""
    enough = _UNKNOWN_SECONDS if likely is None else max(_LEAST_SECONDS, _MARGIN * likely)
    return min(limit, enough)


def task_minutes(
    allowed: Sequence[float], likely: Sequence[float | None], tasks: int, most: float
) -> int:
    """Return the time limit of tasks: for the longest of the jobs twice, and each task's part of them all."""
    known = sum(one for one in likely if one is not None)
    seconds = _START_SECONDS + 2 * max(allowed) + _MARGIN * known / tasks
    return max(1, int(min(math.ceil(seconds / 60), most)))
