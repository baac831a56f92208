"""The command line: one module a command, no logic."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command `harness`; errors of ours are sentences, not tracebacks."""
    import click

    from harness.cli.group import harness
    from harness.errors import HarnessError

    try:
        harness.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        sys.stderr.close()
        sys.exit(0)
