"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from harness.catalogue.host import Host

FAILED_GATE = 3  # the exit code
NOTHING_DONE = 5  # the exit code, as of pytest where it runs no test

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """Add --store."""
    return click.option(
        "--store", default="runs", show_default=True, metavar="DIR", help="Where results are kept."
    )(command)


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def gate_option(command: Command) -> Command:
    """Add --fail-if."""
    return click.option(
        "--fail-if",
        "gates",
        multiple=True,
        metavar="CONDITION",
        help="Exit with 3 where a change is beyond a limit and beyond noise: 'throughput < -5%', "
        "'accuracy < -1pt', 'parameters > 0'.",
    )(command)


def plugin_options(command: Command) -> Command:
    """Add -p and --no-plugin."""
    command = click.option(
        "--no-plugin", "blocked", multiple=True, metavar="NAME", help="Leave a plugin out."
    )(command)
    return click.option(
        "-p",
        "--plugin",
        "files",
        multiple=True,
        metavar="PATH",
        help="Load a plugin from a file or folder.",
    )(command)


def suite_options(command: Command) -> Command:
    """Add what chooses a suite and changes it."""
    for option in reversed(
        (
            click.argument("suite", required=False),
            click.option("-a", "--architecture", "architectures", multiple=True, metavar="NAME",
                         help="In place of the suite's architectures; module:Class:takes=image is yours. "
                         "A list is an axis (width=[8,16]); one value that is a list has two pairs "
                         "of brackets (dims=[[8,16]]), and None is None."),
            click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAME|PATH",
                         help="In place of the suite's data sets; a folder, .npz or table is yours."),
            click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0),
                         help="In place of the suite's seeds."),
            click.option("--measure", "measures", multiple=True, metavar="NAME",
                         help="In place of the suite's measures; one that it has keeps its options."),
            click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
                         help="Override a key, such as recipes.plain.epochs=3; 'recipes.*.epochs=3' in all recipes."),
            click.option("--only", multiple=True, metavar="GLOB",
                         help="Keep the architectures that match."),
            click.option("--fresh", multiple=True, metavar="MEASURE",
                         help="Take a measure again (or fit, prepare), though it is cached."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def say_of_recipes(error: click.NoSuchOption) -> None:
    """Say of an option that no command has, such as --epochs, how to set the key of a recipe with its name."""
    from harness.plan.tables import RecipeTable

    key = error.option_name.lstrip("-").replace("-", "_")
    known = error.ctx.command.params if error.ctx else ()
    if key in RecipeTable.model_fields and any(one.name == "settings" for one in known):
        click.echo(f"In all recipes it is --set 'recipes.*.{key}=VALUE'.", err=True)


def open_host(files: Sequence[str], blocked: Sequence[str]) -> Host:
    """Load the plugins, and say on the standard error which of them are broken."""
    from harness.catalogue.host import Host, PluginChoice

    host = Host(PluginChoice(tuple(files), tuple(blocked)))
    for plugin in host.plugins:
        if plugin.status == "broken" and plugin.origin not in files:
            click.echo(f"plugin {plugin.name} is broken: {plugin.reason}", err=True)
    return host


def print_json(value: Any) -> None:
    """Print JSON for another program."""
    click.echo(json.dumps(value, indent=1, default=str))
