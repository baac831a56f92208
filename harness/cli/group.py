"""The group of all commands; a command's module is imported when it is used."""

from __future__ import annotations

import importlib

import rich_click as click

COMMANDS = {
    "run": "Run a suite, or architectures on data, and report.",
    "plan": "Show what a run would do, what is cached, and how long it takes.",
    "report": "Show a run: terminal, html, markdown, csv, json, parquet, pytest-benchmark.",
    "compare": "Say for each figure of two runs whether it is better, worse or cannot be told.",
    "times": "Show where the time of a run went, and what would shorten it.",
    "runs": "List the runs of a store.",
    "merge": "Join stores: runs of several machines come back together.",
    "export": "Write a run to one file, to send and to keep.",
    "import": "Add runs from such files to a store.",
    "reproduce": "Run a run again, and say what came out the same.",
    "list": "List what the plugins provide, by kind and glob.",
    "show": "Show an item and its options, or what a data set was taken for.",
    "plugins": "List plugins: items, hooks, and what is broken or blocked and why.",
    "plugin": "Write a plugin of yours, and check it.",
    "doctor": "Show hardware, versions, and what optional parts would need.",
    "logs": "Show what a job printed.",
    "debug": "Run one job again, in this process.",
}


class LazyGroup(click.RichGroup):
    """Lists commands from a table, and imports only the one that is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command that knows only its summary: enough for the help of the group."""
        if name not in COMMANDS:
            return None
        if context.resilient_parsing:  # completion in a shell asks for the options too
            return _load(name)
        return click.Command(name, short_help=COMMANDS[name])

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the command that is called."""
        if args and args[0] in COMMANDS:
            return args[0], _load(args[0]), args[1:]
        return super().resolve_command(context, args)


def _load(name: str) -> click.Command:
    command: click.Command = importlib.import_module(f"harness.cli.{name}_command").command
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(package_name="model-harness", prog_name="harness")
def harness() -> None:
    """Which model should I take for my data and my machine?

    Runs architectures, data sets, optimizers, attacks and shifts on this machine and reports
    accuracy, speed, memory and robustness with intervals. Start with: harness run quick
    """
