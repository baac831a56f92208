"""What a run has under way: steps in their processes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.execute.engines import Work
from harness.execute.job import first_left, read_outcome
from harness.execute.request import Request
from harness.execute.schedule import Step
from harness.execute.together import in_turn

_LOOK_SECONDS = 1.0  # between looks, while a job has not begun


@dataclass(frozen=True)
class Part:
    """A step that a process does, its folder, and what the process is told of it."""

    step: Step
    folder: Path
    request: Request


@dataclass
class Running:
    """Steps on their way in one process: one, or several alike."""

    parts: Sequence[Part]
    work: Work
    started: str
    killed: bool = False

    def __post_init__(self) -> None:
        """Note when."""
        self.submitted = time.monotonic()

    @property
    def in_turn(self) -> bool:
        """Whether they are several, done one after another, so that each leaves its outcome as it ends."""
        return len(self.parts) > 1 and in_turn(self.parts[0].step.job)

    def under_way(self) -> Part:
        """Return what is done just now: of what is done in turn the first that has left no outcome."""
        if not self.in_turn:
            return self.parts[0]
        left = first_left(part.request for part in self.parts)
        return next((part for part in self.parts if part.request is left), self.parts[-1])

    def forgive(self, seconds: float) -> None:
        """Do not count seconds against the limit."""
        if self.work.began is not None:
            self.work.began += seconds

    def deadline(self, limit: float) -> float | None:
        """Return when they are overdue, of a limit in seconds for each; None before they have begun, and once killed.

        Of those that are done in turn that is when the one under way is, or the first, as long as that is to come.
        """
        if self.work.began is None or self.killed:
            return None
        first = self.work.began + limit
        if not self.in_turn:
            return first + limit * (len(self.parts) - 1)
        return first if time.monotonic() < first else first + self.seconds_of_ended()

    def seconds_of_ended(self) -> float:
        """Return what those took that are done in turn and have ended; 0.0 of others.

        It is as they say: the times of files follow a clock that may be set.
        """
        if not self.in_turn:
            return 0.0
        left = (read_outcome(part.folder) for part in self.parts)
        return sum(outcome.seconds for outcome in left if outcome is not None)


class Watch:
    """Looks over what runs, only when something may have come of it: of thousands of jobs each look counts.

    next_look: by `time.monotonic()`. held_up: what of others kept jobs that have a place from beginning there, in words,
    at the last look.
    """

    def __init__(self, limit: float) -> None:
        """Take the seconds that a job may run."""
        self._limit = limit
        self.next_look = time.monotonic() + limit
        self.held_up: Sequence[str] = ()

    def note_start(self) -> None:
        """Take notice that a job is on its way to its place."""
        self.next_look = min(self.next_look, time.monotonic() + _LOOK_SECONDS)

    def overdue(self, running: Iterable[Running]) -> list[Running]:
        """Return what has run for too long since the last look, if it is time for another one."""
        moment = time.monotonic()
        if moment < self.next_look:
            return []
        self.next_look = moment + self._limit  # what begins from now on is not overdue before
        held_up, found = [], []
        for one in running:
            deadline = one.deadline(self._limit)
            if one.work.began is None:
                self.next_look = min(self.next_look, moment + _LOOK_SECONDS)
                held_up += [one.work.waits_for] if one.work.waits_for else []
            elif deadline is not None and deadline <= moment:
                found.append(one)
            elif deadline is not None:
                self.next_look = min(self.next_look, deadline)
        self.held_up = tuple(dict.fromkeys(held_up))
        return found
