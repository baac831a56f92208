"""`harness doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from harness.cli.options import json_option, print_json

if TYPE_CHECKING:
    from harness.machine.ceilings import Ceiling


@click.command("doctor")
@click.option(
    "--measure",
    is_flag=True,
    help="Time the machine's matrix rates and copy bandwidth, some 30 seconds a device, and keep "
    "them: what is timed from then on is also given as a share of them.",
)
@json_option
def command(measure: bool, as_json: bool) -> None:
    """Show hardware, versions, and what each optional part would need."""
    from harness.machine.doctor import diagnose

    if measure:
        _measure()
    found = diagnose()
    if as_json:
        print_json(found)
        return
    for section in ("hardware", "versions"):
        click.secho(section, bold=True)
        for key, value in found[section].items():
            click.echo(f"  {key:14} {value}")
    click.secho("ceilings", bold=True)
    for device, kept in found["ceilings"].items():
        _show_ceilings(device, kept)
    click.secho("optional parts", bold=True)
    for part in found["parts"]:
        mark = click.style("yes", fg="green") if part["ready"] else click.style("no ", fg="yellow")
        click.echo(f"  {mark} {part['name']}: {part['says']}")


def _measure() -> None:
    from harness.errors import UsageError
    from harness.execute.alone import alone_on_machine
    from harness.measure.ceiling_timing import measure_machine

    def report(words: str) -> None:
        click.echo(words, err=True)

    report("Measuring what this machine reaches at most; leave it alone meanwhile.")
    try:
        with alone_on_machine("the measuring of ceilings", "harness doctor", report):
            measure_machine(report)
    except OSError as error:
        raise UsageError(
            f"the ceilings could not be kept in the user's cache folder: {error}; set "
            "XDG_CACHE_HOME to a folder that can be written"
        ) from error


def _show_ceilings(device: str, kept: dict[str, Any] | None) -> None:
    from harness.machine.ceilings import ANEW, Ceilings

    if kept is None:
        click.echo(f"  {device}: not measured: harness doctor --measure")
        return
    ceilings = Ceilings.from_json(kept)
    click.echo(f"  {device}, {ceilings.hardware}, {ceilings.measured}")
    width = max(len(rate.title) for rate in ceilings.rates)
    for rate in ceilings.rates:
        problem = ceilings.problem(rate)
        said = "; ".join(filter(None, (rate.flag, problem and f"{problem}: {ANEW}")))
        flag = f"  ({said})" if said else ""
        click.echo(f"    {rate.title:{width}}  {rate.text:>12}  {_interval(rate)}{flag}".rstrip())


def _interval(rate: Ceiling) -> str:
    if rate.low is None or rate.high is None:
        return ""
    low, high = (f"{end / rate.value - 1:+.1%}".replace("%", " %") for end in (rate.low, rate.high))
    return f"95 % interval {low} to {high}"
