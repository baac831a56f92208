"""What `harness merge`, `export` and `import` share: a bar while files are copied, and words for what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from harness.catalogue.counts import counted, list_some, printable

if TYPE_CHECKING:
    from harness.store.merge import Merged

_SHOWN = 5  # differences


@contextmanager
def bar(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how many of `size` bytes are done, where somebody looks; yield what is told of more."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task(what, total=size)
        yield lambda more: shown.advance(task, more)


def say_merged(merged: Merged, store: str) -> None:
    """Say which runs are where now, and what to know of their figures."""
    for (source, name), here in merged.runs.items():
        click.echo(f"{name} of {source} is {here} in {store}")
    if merged.known:
        click.echo(f"Was there already: {list_some(merged.known)}")
    if merged.left:
        click.echo(
            f"Left out, as it goes on: {list_some(merged.left)}; take it over when it has ended"
        )
    click.echo(f"{counted(merged.outcomes, 'outcome')} added, {merged.shared:,} there already")
    if not merged.differences:
        return
    figures = counted(len(merged.differences), "figure of a job", "figures of jobs")
    differ = "differs, though it is" if len(merged.differences) == 1 else "differ, though they are"
    click.echo(
        f"{figures} that two of these runs have both done {differ} not timed. Both outcomes are "
        "kept; each run has its own, and a new run takes the one that was added last:"
    )
    for one in merged.differences[:_SHOWN]:
        click.echo(
            f"  {printable(one.job)}: {printable(one.metric)} {one.before!r}, then {one.now!r}"
        )
    if (rest := len(merged.differences) - _SHOWN) > 0:
        click.echo(f"  and {rest:,} more")
