"""`harness merge`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from harness.errors import UsageError


@click.command("merge")
@click.argument("sources", nargs=-1, required=True, metavar="STORE...")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="The store that takes them; new, or one that has runs.",
)
def command(sources: tuple[str, ...], output: str) -> None:
    """Join stores: runs that were made on several machines come back together.

    All runs that have ended are copied, with their files. Outcomes are joined by fingerprint: what one machine has
    done need not run again on another. Runs that are there already are not added twice, so the same command goes on
    where it was stopped.
    """
    from harness.cli.copying import bar, say_merged
    from harness.store.merge import Arrival, Merged, arrivals, size_of, take_over
    from harness.store.store import Store

    if Path(output).resolve() in {Path(source).resolve() for source in sources}:
        raise UsageError(
            f"{output!r} is one of the stores that are to be merged; -o names another one"
        )
    merged, coming = Merged(), list[Arrival]()
    for source in dict.fromkeys(sources):
        with Store(source, create=False) as opened:
            coming += arrivals(opened, merged)
    with Store(output) as store, bar("copying", size_of(coming)) as advance:
        take_over(store, coming, merged, advance)
    say_merged(merged, output)
