"""The command line: one module a command, no logic."""

from __future__ import annotations

import errno
import gc
import io
import sys


def main() -> None:
    """Run the command `harness`; errors of ours are sentences, not tracebacks."""
    import click

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
        sys.exit(error.exit_code)
    except HarnessError as error:
        print(f"error: {_printable(str(error))}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))
    except (KeyboardInterrupt, click.Abort) as stop:
        said = stop.__context__ if isinstance(stop, click.Abort) else stop  # click's has no words
        print(_printable(str(said or "")) or "interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = _printable(str(error.filename))
        print(f"error: the name of a file is too long for this system: {name}", file=sys.stderr)
        sys.exit(2)
    finally:
        gc.freeze()  # a quarter of a second after a run: the interpreter's end looks through all there is


def _printable(text: str) -> str:
    """Show signs that would steer a terminal, such as escapes in a name, as they are written."""
    return "".join(
        sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text
    )
