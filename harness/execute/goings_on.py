"""What runs for long: how far its log says that it is, for who watches a run of few jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.catalogue.events import JobGoesOn
from harness.execute.running import Running

_EVERY = 10.0  # seconds between looks; what has not run for as long is not spoken of
_TAIL = 4096  # bytes of a log in which its last line is looked for


class GoingsOn:
    """Looks now and then at what runs. next_look: when to look again, by `time.monotonic()`."""

    def __init__(self, run: str) -> None:
        """Take the run's name."""
        self._run = run
        self.next_look = time.monotonic() + _EVERY

    def look(self, running: Iterable[Running]) -> Iterator[JobGoesOn]:
        """Yield what is to be told of what runs, if it is time for that."""
        moment = time.monotonic()
        if moment < self.next_look:
            return
        self.next_look = moment + _EVERY
        for one in running:
            began = moment if one.work.began is None else one.work.began
            if moment - began < _EVERY:  # nor has any that its process does in turn
                continue
            seconds = moment - began - one.seconds_of_ended()
            if seconds < _EVERY:
                continue
            part = one.under_way()
            job = part.step.job
            yield JobGoesOn(
                run=self._run,
                fingerprint=job.fingerprint,
                sort=job.sort,
                label=job.label,
                trying=part.step.trying,
                seconds=seconds,
                said=_last_line(part.folder / "log.txt"),
            )


def _last_line(log: Path) -> str:
    """Return the last line of a log that is not empty; "" where there is none, or it is on another machine yet."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
