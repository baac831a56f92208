from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from here_command import call_here

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def harness(tmp_path: Path) -> Command:
    """Run the command line in this process, in an empty folder, with pipes for its output.

    A process of its own would import for half a second of each call, and is for what needs one:
    see `separate`.
    """

    return partial(call_here, tmp_path)


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
