"""`harness reproduce`."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from harness.catalogue.counts import printable
from harness.cli.options import FAILED_GATE, plugin_options, store_option
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.compare.reproduction import Reproduction
    from harness.store.run_data import RunData

_LISTED = 12  # figures that differ
_REQUIREMENT = re.compile(r"(# Python |[A-Za-z0-9][A-Za-z0-9._-]*==)[A-Za-z0-9.+!_-]+")


@click.command("reproduce")
@click.argument("run")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="The store of the new run; the run's name with -again by default.",
)
@click.option(
    "--dry-run", is_flag=True, help="Write down what the run was made of, and do not run it."
)
@store_option
@plugin_options
def command(
    run: str, output: str | None, dry_run: bool, store: str, files: Any, blocked: Any
) -> None:
    """Run a run again, and say point by point what came out the same.

    RUN: its name or number in the store, FOLDER:RUN or FOLDER/RUN, or a FILE of `harness export`. Its suite with all seeds and
    the versions that it was run with are written beside the new run. A figure that is not the same bit for bit is
    tested as `harness compare` does it. Exit code 3 where one but a timing surely differs, or is missing.
    """
    with _opened(run, store) as before:
        folder = Path(output or f"{before.name}-again")
        if _is_in(folder, before):  # it would be compared with itself
            raise UsageError(
                f"the run itself is in the store {str(folder)!r}; -o names another one"
            )
        _write_down(before, folder)
        if dry_run:
            return
        from harness.execute.session import run as run_again

        try:
            done = run_again(dict(before.written), store=folder, plugins=files, blocked=blocked)
        except UsageError as error:
            given = _plugins_given(before.invocation.get("command", ""))
            if files or not given:
                raise
            raise UsageError(
                f"{error}\nThe run was given {printable(given)}: give that here, too"
            ) from error
        from harness.compare.reproduction import reproduction

        found = reproduction(before, done.data, done.host.catalogue)
    _print(found)
    if not found.holds:
        sys.exit(FAILED_GATE)


def _plugins_given(command: str) -> str:
    """Return the switches of a command line that load plugins from files, as one writes them; "" for none."""
    try:
        words = shlex.split(command)
    except ValueError:  # another's run may hold any text
        return ""
    paths = [path for word, path in pairwise(words) if word in ("-p", "--plugin")]
    return " ".join(f"-p {shlex.quote(path)}" for path in paths)


@contextlib.contextmanager
def _opened(run: str, store: str) -> Iterator[RunData]:
    from harness.store.run_data import RunData, open_run
    from harness.store.store import Store

    if not Path(run).is_file():
        try:
            found = open_run(run, store)
        except HarnessError as error:
            raise UsageError(f"there is no file {run!r}, and no such run: {error}") from error
        yield found
        return
    from harness.store.merge import Arrival, Merged, take_over
    from harness.store.run_file import opened_run_file

    with tempfile.TemporaryDirectory() as folder, Store(folder) as opened:
        with opened_run_file(Path(run), opened.folder) as (rows, place):
            take_over(opened, [Arrival(rows, place, run)], Merged())
        yield RunData.read(opened)


def _is_in(folder: Path, run: RunData) -> bool:
    """Whether a store has an outcome of a run, be it by import: their folders have names that no other one has."""
    own = (job.folder.relative_to(run.store) for job in run.jobs if job.folder is not None)
    return any((folder / one).exists() for one in own)


def _write_down(run: RunData, folder: Path) -> None:
    """Write the suite and the requirements of a run, and say how it was run and what is otherwise now."""
    from harness.compare.run_comparison import environment_changes
    from harness.machine.environment import describe_machine
    from harness.plan.toml_text import toml_text

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "suite.toml").write_text(toml_text(run.written), encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(run.environment), encoding="utf-8")
    for name, words in (("command", "Was run as"), ("commit", "At commit")):
        if run.invocation.get(name):
            click.echo(f"{words}: {printable(run.invocation[name])}")
    click.echo(f"Its suite: {folder / 'suite.toml'}; its versions: {folder / 'requirements.txt'}")
    now = describe_machine()
    then = {name: value for name, value in run.environment.items() if name in now}
    changes = environment_changes(then, now)
    if changes:
        click.echo("Otherwise now:")
    for name, (before, after) in changes.items():
        click.echo(f"  {printable(name)}: {printable(before)} then, {printable(after)} now")


def _requirements(environment: Mapping[str, Any]) -> str:
    """Return lines that pip reads: what figures depend on, in the versions that a run had.

    A run may be another's, so what is no plain name and version is left out.
    """
    lines = [f"# Python {environment.get('python', 'unknown')}"]
    lines += [f"{name}=={version}" for name, version in environment.get("libraries", {}).items()]
    return "".join(f"{line}\n" for line in lines if _REQUIREMENT.fullmatch(line))


def _print(found: Reproduction) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from harness.cli.compared import console, figure_words, quantity

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("measure", overflow="fold")
    for heading in (
        "the same",
        "within noise",
        "cannot be told",
        "timed otherwise",
        "differ",
        "missing",
    ):
        table.add_column(heading, justify="right")
    for point in found.points:
        lists = (point.timed, point.other, point.missing)
        counts = (point.same, point.noise, point.untold, *map(len, lists))
        table.add_row(escape(point.measure), *(f"{count:,}" if count else "" for count in counts))
    shown = console()
    shown.print(table)
    differing = [pair for point in found.points for pair in point.other]
    for pair in differing[:_LISTED]:
        words = f"Differs: {pair.label}: {figure_words(pair)}: {quantity(pair.a, pair.unit)} then, {quantity(pair.b, pair.unit)} now"
        shown.print(escape(printable(words)), highlight=False)
    missing = [one for point in found.points for one in point.missing]
    for one in missing[:_LISTED]:
        run = "the new run" if one.missing_in == "B" else "the run as it was"
        shown.print(
            escape(printable(f"Missing in {run}: {one.label} {one.name} {one.reason}".rstrip())),
            highlight=False,
        )
    rest = max(0, len(differing) - _LISTED) + max(0, len(missing) - _LISTED)
    if rest:
        click.echo(f"... and {rest:,} more")
    same = sum(point.same for point in found.points)
    noise = sum(point.noise for point in found.points)
    verdict = "Reproduced" if found.holds else "Not reproduced"
    words = f"{verdict}: {same:,} figures are the same, bit for bit; {noise:,} others within noise"
    if not found.holds:
        words += f"; {len(differing):,} surely differ; {len(missing):,} are missing"
    click.echo(f"{words}.")
    if any(point.timed for point in found.points):
        click.echo(
            "Timings of two times cannot tell a slower model from a busier machine, or another one; "
            "harness run SUITE --against RUN takes both in turns."
        )
