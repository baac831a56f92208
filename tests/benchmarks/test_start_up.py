"""How long a command takes to start, as a whole process. Timed by `--benchmark-enable`.

On a quiet machine `harness --help` takes under 0.25 s and `harness list` under 0.5 s; the first two
show how much of it is Python's own start and click's import.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

MAIN = "from harness.cli import main; main()"


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("pass", []),
        ("import rich_click", []),
        (MAIN, ["--help"]),
        (MAIN, ["list"]),
        (MAIN, ["show", "architecture", "mlp"]),
        (MAIN, ["plan", "quick"]),
    ],
    ids=["python", "click", "help", "list", "show", "plan"],
)
def test_start_up(benchmark: Any, tmp_path: Any, code: str, arguments: list[str]) -> None:
    def start() -> int:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        return done.returncode

    assert benchmark.pedantic(start, rounds=10, iterations=1, warmup_rounds=1) == 0
