"""Recorded timings through pytest-benchmark's `benchmark`, as if they were taken there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import pytest


def recorded_clock(seconds: Sequence[float]) -> Callable[[], float]:
    """Return a clock that shows 0 when a round starts and the recorded duration when it ends.

    So the difference is the recorded one, exactly; a clock that went on would round it.
    """
    ticks = chain.from_iterable((0.0, duration) for duration in seconds)

    def recorded() -> float:
        return next(ticks, 0.0)

    return recorded


def replay(
    request: pytest.FixtureRequest,
    seconds: Sequence[float],
    group: str,
    extra_info: Mapping[str, Any],
) -> None:
    """Let the `benchmark` fixture of a test see the recorded durations, one a round."""
    timer = recorded_clock(seconds)
    request.node.add_marker(pytest.mark.benchmark(timer=timer, group=group))
    benchmark = request.getfixturevalue("benchmark")
    benchmark.extra_info.update(extra_info)
    benchmark.pedantic(_nothing, rounds=len(seconds), iterations=1)


def _nothing() -> None:
    """Stands for the call that was timed in the job's own process."""
