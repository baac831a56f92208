"""What a run has under way: steps in their processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.execute.engines import Work
from harness.execute.request import Request
from harness.execute.schedule import Step


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

    def deadline(self, limit: float) -> float | None:
        """Return when they are overdue, of a limit in seconds for each; None before they have begun, and once killed."""
        if self.work.began is None or self.killed:
            return None
        return self.work.began + limit * len(self.parts)
