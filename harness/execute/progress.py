"""What a person sees while a run goes on: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.execute.engines import Slot
from harness.execute.words import duration
from harness.plan.jobs import Job
from harness.store.records import Outcome

_LINE_SECONDS = 10.0  # between plain lines about jobs that went well


class Observer(Protocol):
    """What a run tells while it goes on."""

    def started(self, facts: Mapping[str, Any]) -> None:
        """Hear what the run will do."""
        ...

    def job_started(self, job: Job, slot: Slot, trying: bool) -> None:
        """Hear that a job starts."""
        ...

    def job_ended(self, job: Job, outcome: Outcome, left: int, seconds_left: float) -> None:
        """Hear that a job has ended, and what is left."""
        ...

    def finished(self) -> None:
        """Hear that nothing more happens."""
        ...


def make_observer(console: Console | None = None) -> Observer:
    """Return the observer for where the output goes."""
    console = console or Console(file=sys.stderr)
    return LiveProgress(console) if console.is_terminal else LineProgress(console)


def headline(facts: Mapping[str, Any]) -> str:
    """Return the first line of a run."""
    gpus = f", {facts['gpus']} GPUs" if facts["gpus"] else ""
    return (
        f"{facts['name']}: {facts['trials']} trials, {facts['jobs']} jobs, {facts['cached']} cached"
        f"{', ' + str(facts['skipped']) + ' skipped' if facts['skipped'] else ''}; "
        f"{facts['cpu_slots']} CPU slots{gpus}; about {duration(facts['estimate'])}"
    )


class LineProgress:
    """Plain lines: a failure at once, progress every few seconds."""

    def __init__(self, console: Console) -> None:
        """Take where to write."""
        self._console = console
        self._said = time.monotonic()
        self._total = 0

    def started(self, facts: Mapping[str, Any]) -> None:
        """Say what the run will do."""
        self._total = facts["to_do"]
        self._print(headline(facts))

    def job_started(self, job: Job, slot: Slot, trying: bool) -> None:
        """Say nothing: a line a job would be too many."""

    def job_ended(self, job: Job, outcome: Outcome, left: int, seconds_left: float) -> None:
        """Say what failed, and now and then how far it is."""
        if outcome.status not in ("ok", "skipped", "blocked"):
            self._print(f"{outcome.status}: {job.label}: {outcome.reason}")
        if time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            self._print(
                f"{self._total - left}/{self._total} jobs, about {duration(seconds_left)} left; "
                f"last: {job.label}"
            )

    def finished(self) -> None:
        """Say nothing more."""

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """A bar with what runs where and how long it will take."""

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self._console = console
        self._running: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[running]}", markup=True),
            console=console,
        )
        self._live = Live(self._progress, console=console, refresh_per_second=4, transient=True)
        self._task: Any = None
        self._slots: dict[str, str] = {}

    def started(self, facts: Mapping[str, Any]) -> None:
        """Say what the run will do, and draw the bar."""
        self._console.print(headline(facts), markup=False, highlight=False)
        if facts["to_do"]:
            self._task = self._progress.add_task(
                "", total=facts["to_do"], name=escape(facts["name"]), left="", running="starting"
            )
            self._live.start()

    def job_started(self, job: Job, slot: Slot, trying: bool) -> None:
        """Show where it runs."""
        self._slots[job.fingerprint] = slot.name
        self._running[slot.name] = ("try " if trying else "") + job.label
        self._show()

    def job_ended(self, job: Job, outcome: Outcome, left: int, seconds_left: float) -> None:
        """Move the bar; print what failed above it."""
        self._running.pop(self._slots.pop(job.fingerprint, ""), None)
        if outcome.status not in ("ok", "skipped", "blocked"):
            self._console.print(
                f"[red]{outcome.status}[/red]: {escape(job.label)}: {escape(outcome.reason)}"
            )
        if self._task is not None:
            total = self._progress.tasks[0].total or 0
            self._progress.update(
                self._task, completed=total - left, left=f"about {duration(seconds_left)} left"
            )
        self._show()

    def finished(self) -> None:
        """Take the bar away."""
        self._live.stop()

    def _show(self) -> None:
        if self._task is not None:
            words = " | ".join(self._running[slot] for slot in sorted(self._running))
            self._progress.update(self._task, running=escape(words))
