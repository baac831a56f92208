"""`harness times`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click

from harness.catalogue.counts import counted, duration, printable
from harness.cli.options import json_option, print_json, store_option

if TYPE_CHECKING:
    from harness.store.run_data import RunData
    from harness.summary.run_times import RunTimes, TimeShare

_MOST = 8  # lines of a table


@click.command("times")
@click.argument("run", required=False)
@store_option
@json_option
def command(run: str | None, store: str, as_json: bool) -> None:
    """Show where the time of a RUN went (the latest one, if none is named), and what would shorten it."""
    from harness.store.run_data import RunData
    from harness.store.store import Store
    from harness.summary.run_times import read_times

    with Store(store, create=False) as opened:
        data = RunData.read(opened, run)
    if as_json:
        found = read_times(data)
        print_json(None if found is None else asdict(found))
    else:
        print_times(data)


def print_times(run: RunData) -> None:
    """Print where the time of a run went."""
    from harness.summary.run_times import read_times

    found = read_times(run)
    if found is None:
        click.echo(f"{run.name} ran no job of its own: all that it shows was in the store.")
        return
    click.secho(
        f"{run.name} took {duration(found.seconds)}, with at most {counted(found.places, 'job')} at once",
        bold=True,
    )
    _print_table("wall time", found.wall, found.seconds)
    for axis, shares in found.jobs.items():
        if shares:
            _print_table(f"seconds of jobs by {axis}", shares, sum(one.seconds for one in shares))
    _print_rest(found)


def _print_table(title: str, shares: Sequence[TimeShare], whole: float) -> None:
    click.secho(f"\n{title}", bold=True)
    for one in shares[:_MOST]:
        jobs = f" ({counted(one.jobs, 'job')})" if one.jobs else ""
        share = f"{100 * one.seconds / whole:3.0f} %"
        click.echo(f"  {one.seconds:8.1f} s  {share}  {printable(one.what, kept='')}{jobs}")
    if rest := shares[_MOST:]:
        spent = sum(one.seconds for one in rest)
        click.echo(f"  {spent:8.1f} s  {100 * spent / whole:3.0f} %  {len(rest):,} more")


def _print_rest(found: RunTimes) -> None:
    click.secho(f"\nthe longest chain of jobs, {duration(found.chain_seconds)}", bold=True)
    for label in found.chain:
        click.echo(f"  {printable(label, kept='')}")
    if found.advice:
        click.secho("\nwhat would shorten it", bold=True)
    for sentence in found.advice:
        click.echo(f"  {printable(sentence, kept='')}")
