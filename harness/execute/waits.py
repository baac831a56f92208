"""Time that passes while nothing runs: when to say that a run waits for another one, and whether anyone can have waited."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.catalogue.events import RunWaits

_SILENT_SECONDS = (
    1.0  # two runs that share a machine meet all the time: a short wait is not worth a word
)
_AGAIN_SECONDS = 10.0
_OVERSLEPT_SECONDS = 5.0  # late for a deadline by more: this process, or its machine, has slept


class Waits:
    """How long a run has waited for others, and what was said of it."""

    def __init__(self, run: str) -> None:
        """Take the run's name."""
        self._run = run
        self._since: float | None = None
        self._told: tuple[str, ...] = ()
        self._told_at = 0.0

    def look(self, waits_for: Sequence[str]) -> RunWaits | None:
        """Take what cannot start, and why, now (empty: nothing waits); return what is to be told, if any."""
        now = time.monotonic()
        reasons = tuple(dict.fromkeys(waits_for))
        since, self._since = self._since, None
        if not reasons:
            told, self._told = self._told, ()
            return (
                RunWaits(run=self._run, waits_for=(), seconds=now - since)
                if told and since
                else None
            )
        self._since = now if since is None else since
        if now - self._since < _SILENT_SECONDS:
            return None
        if reasons == self._told and now - self._told_at < _AGAIN_SECONDS:
            return None
        self._told, self._told_at = reasons, now
        return RunWaits(run=self._run, waits_for=reasons, seconds=now - self._since)


def overslept(asked_for: float | None, took: float) -> float:
    """Return the seconds by which a wait was so much longer than asked for that nobody can have waited.

    The machine slept, or this process was stopped: jobs may not have run in that time either.
    """
    late = 0.0 if asked_for is None else took - asked_for
    return late if late > _OVERSLEPT_SECONDS else 0.0
