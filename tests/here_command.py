"""The command line in the tests' own process, which has imported already what each call of its own would."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from harness.cli import main


def call_here(folder: Path, *arguments: str, **environment: str) -> CompletedProcess[str]:
    """Run `harness` in a folder, with pipes for its output, and return its exit code and texts."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["harness", *arguments])
        patch.setattr(sys, "path", [*sys.path])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    texts = [stream.buffer.getvalue().decode() for stream in (out, err) if not stream.flush()]
    return CompletedProcess(arguments, code, *texts)
