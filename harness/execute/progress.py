"""What a person sees while a run goes on: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from harness.catalogue.counts import counted, duration, list_some, printable
from harness.catalogue.events import (
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.execute.words import changed_files

_WIDEST = 80  # characters of the line of a log that stands beside a job
_LINE_SECONDS = 10.0  # between plain lines about jobs that went well
_LONG_SECONDS = 30.0  # without a plain line, after which one says how far the job is that runs
_WAIT_SECONDS = 60.0  # between plain lines about one and the same wait


class Observer(Protocol):
    """What is told of a run while it goes on."""

    def run_started(self, event: RunStarted) -> None:
        """Hear what the run will do."""
        ...

    def job_started(self, event: JobStarted) -> None:
        """Hear that a job, or one batch of it, starts."""
        ...

    def job_goes_on(self, event: JobGoesOn) -> None:
        """Hear how far a job is that has run for a while."""
        ...

    def job_finished(self, event: JobFinished) -> None:
        """Hear that a job, or one batch of it, has ended, and what is left."""
        ...

    def run_waits(self, event: RunWaits) -> None:
        """Hear that the run waits for another one, or goes on."""
        ...

    def run_finished(self, event: RunFinished) -> None:
        """Hear that nothing more happens."""
        ...


def make_observer(console: Console | None = None) -> Observer:
    """Return the observer for where the output goes."""
    console = console or Console(file=sys.stderr)
    return LiveProgress(console) if console.is_terminal else LineProgress(console)


def headline(event: RunStarted) -> str:
    """Return the first line of a run."""
    skipped = f", {event.skipped} skipped" if event.skipped else ""
    slots, gpus = event.places.get("cpu", 0), event.places.get("cuda", 0)
    named = (counted(slots, "CPU slot") if slots else "", counted(gpus, "GPU") if gpus else "")
    places = ", ".join(filter(None, named))
    return (
        f"{event.run}: {counted(event.trials, 'trial')}, {counted(event.jobs, 'job')}, {event.cached} cached{skipped}"
        f"{'; ' + places if places else ''}; about {duration(event.seconds)}"
        + (f"\n{changed_files(event.changed)}" if event.changed else "")
    )


def wait_words(event: RunWaits) -> str:
    """Return what a run waits for, in one sentence."""
    return f"waits for {list_some(event.waits_for, most=1)} (for {duration(event.seconds)} so far)"


def goes_on_words(event: JobGoesOn, said: str) -> str:
    """Return what runs, and of what its log says last so much as is given."""
    return (
        ("try " if event.trying else "") + event.label + (said and f": {printable(said, kept='')}")
    )


class Failures:
    """Which failures, and what is refused or left out before the first fit, are worth a line: the first of each reason."""

    def __init__(self) -> None:
        """Know of none."""
        self._told: set[tuple[str, str]] = set()

    def is_news(self, event: JobFinished) -> bool:
        """Whether a job failed, or said beforehand what it cannot do, and none before it for that reason."""
        key = event.status, event.reason
        beforehand = event.trying and event.reason and event.status in ("ok", "skipped")
        quiet = event.status in ("ok", "skipped", "blocked") and not beforehand
        if quiet or key in self._told:
            return False
        self._told.add(key)
        return True


def _said(event: JobFinished) -> str:
    return "left out" if event.status == "ok" else event.status


class LineProgress:
    """Plain lines: a failure at once, progress every few seconds."""

    def __init__(self, console: Console) -> None:
        """Take where to write."""
        self._console = console
        self._said = time.monotonic()
        self._total = 0
        self._waits, self._waits_said = False, 0.0  # and when that was said
        self._failures = Failures()

    def run_started(self, event: RunStarted) -> None:
        """Say what the run will do."""
        self._total = event.to_do
        self._print(headline(event))

    def job_started(self, event: JobStarted) -> None:
        """Say nothing: a line a job would be too many."""

    def job_goes_on(self, event: JobGoesOn) -> None:
        """Say how far it is, where nothing was said for a while."""
        if time.monotonic() - self._said >= _LONG_SECONDS:
            self._said = time.monotonic()
            self._print(
                f"{goes_on_words(event, event.said[:_WIDEST])} ({duration(event.seconds)} so far)"
            )

    def job_finished(self, event: JobFinished) -> None:
        """Say what failed, and now and then how far it is."""
        if self._failures.is_news(event):
            self._print(f"{_said(event)}: {event.label}: {event.reason}")
        if time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            self._print(
                f"{self._total - event.jobs_left}/{counted(self._total, 'job')}, "
                f"about {duration(event.seconds_left)} left; last: {event.label}"
            )

    def run_waits(self, event: RunWaits) -> None:
        """Say what it waits for: at once, and every minute."""
        if not event.waits_for:
            if self._waits:
                self._print(f"goes on after {duration(event.seconds)}")
            self._waits = False
        elif not self._waits or time.monotonic() - self._waits_said >= _WAIT_SECONDS:
            self._print(wait_words(event))
            self._waits, self._waits_said = True, time.monotonic()

    def run_finished(self, event: RunFinished) -> None:
        """Say nothing more."""

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress:
    """A bar with what runs where and how long it will take; below it, what the run waits for."""

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self._console = console
        self._running: dict[str, str] = {}  # label of what runs, by place
        self._waits = ""
        self._left = ""
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[running]}", markup=True),
            console=console,
        )
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._task: Any = None
        self._places: dict[str, str] = {}
        self._failures = Failures()

    def run_started(self, event: RunStarted) -> None:
        """Say what the run will do, and draw the bar."""
        self._console.print(headline(event), markup=False, highlight=False)
        if event.to_do:
            self._task = self._progress.add_task(
                "", total=event.to_do, name=escape(event.run), left="", running="starting"
            )
            self._live.start()
            self._live.update(self._progress)

    def job_started(self, event: JobStarted) -> None:
        """Show where it runs; one that has lost its place before has another now."""
        self._running.pop(self._places.get(event.fingerprint, ""), None)
        self._places[event.fingerprint] = event.place
        self._running[event.place] = ("try " if event.trying else "") + event.label
        self._show()

    def job_goes_on(self, event: JobGoesOn) -> None:
        """Show how far it is: the first words of what its log says, "epoch 12/30"."""
        if event.fingerprint in self._places:
            self._running[self._places[event.fingerprint]] = goes_on_words(
                event, event.said.partition(",")[0][:_WIDEST]
            )
        self._show()

    def job_finished(self, event: JobFinished) -> None:
        """Move the bar; print what failed above it."""
        self._running.pop(self._places.pop(event.fingerprint, ""), None)
        if self._failures.is_news(event):
            self._console.print(
                f"[red]{_said(event)}[/red]: {escape(event.label)}: {escape(event.reason)}"
            )
        if self._task is not None:
            total = self._progress.tasks[0].total or 0
            self._left = f"about {duration(event.seconds_left)} left"
            self._progress.update(self._task, completed=total - event.jobs_left)
        self._show()

    def run_waits(self, event: RunWaits) -> None:
        """Show what it waits for, as long as it does."""
        self._waits = wait_words(event) if event.waits_for else ""
        self._show()

    def run_finished(self, event: RunFinished) -> None:
        """Take the bar away."""
        self._live.stop()

    def _show(self) -> None:
        if self._task is None:
            return
        words = " | ".join(self._running[place] for place in sorted(self._running))
        idle = self._waits and not self._running  # then how long it takes is not known
        self._progress.update(
            self._task, running=escape(words), left="waiting" if idle else self._left
        )
        below = [Text(self._waits, style="yellow")] if self._waits else []
        self._live.update(Group(self._progress, *below))
