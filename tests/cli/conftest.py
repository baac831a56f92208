from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from harness.cli import main

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def harness(tmp_path: Path) -> Command:
    """Run the command line in this process, in an empty folder, with pipes for its output.

    A process of its own would import for half a second of each call, and is for what needs one:
    see `separate`.
    """

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(tmp_path)
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
        return subprocess.CompletedProcess(arguments, code, *texts)

    return run


@pytest.fixture
def separate(tmp_path: Path) -> Command:
    """Run the command line in a process of its own, in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run
