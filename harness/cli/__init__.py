"""The command line: one module a command, no logic."""

from __future__ import annotations

import errno
import gc
import io
import sys


def main() -> None:
    """Run the command `harness`; errors of ours are sentences, not tracebacks."""
    import click

    from harness.catalogue.counts import printable
    from harness.cli.group import harness
    from harness.errors import HarnessError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows fewer signs than we print
            stream.reconfigure(errors="replace")
    try:
        harness.main(prog_name="harness", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption):
            from harness.cli.options import say_of_recipes

            say_of_recipes(error)
        sys.exit(error.exit_code)
    except HarnessError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))
    except (KeyboardInterrupt, click.Abort) as stop:
        said = stop.__context__ if isinstance(stop, click.Abort) else stop  # click's has no words
        print(printable(str(said or "")) or "interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = printable(str(error.filename))
        print(f"error: the name of a file is too long for this system: {name}", file=sys.stderr)
        sys.exit(2)
    finally:
        gc.freeze()  # a quarter of a second after a run: the interpreter's end looks through all there is
