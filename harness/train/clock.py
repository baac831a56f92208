"""What training has taken, without the looks at validation examples."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

TIMES = ("seconds", "training_seconds", "core_seconds")


class Clock:
    """Seconds of a fit: by the clock on the wall, whole and without evaluation, and of this process's cores without it.

    Cores count whatever else the machine does; of a fit that goes on after a kill, what earlier attempts took counts, too.
    """

    def __init__(self, before: Mapping[str, float] = {}) -> None:
        """Start; before: the `state` of an earlier attempt."""
        self._wall = time.perf_counter() - before.get("seconds", 0.0)
        self._looked = before.get("seconds", 0.0) - before.get("training_seconds", 0.0)
        self._cores = time.process_time() - before.get("core_seconds", 0.0)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Count what happens inside as evaluation."""
        wall, cores = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._looked += time.perf_counter() - wall
            self._cores += time.process_time() - cores

    def state(self) -> dict[str, float]:
        """Return the `TIMES`."""
        seconds = time.perf_counter() - self._wall
        return {
            "seconds": seconds,
            "training_seconds": max(0.0, seconds - self._looked),
            "core_seconds": max(0.0, time.process_time() - self._cores),
        }
