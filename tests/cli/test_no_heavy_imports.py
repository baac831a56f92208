"""What only lists and plans imports neither torch nor pandas: they take seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SNIPPET = """
import json, sys
sys.argv = ["harness", *json.loads({arguments!r})]
from harness.cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code or 0
else:
    code = 0
heavy = sorted({{"torch", "pandas", "timm", "sklearn", "scipy", "altair"}} & set(sys.modules))
print("\\n" + json.dumps([code, heavy]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["list"],
        ["list", "architectures", "timm/vit_tiny*"],
        ["show", "architecture", "vit"],
        ["show", "architecture", "timm/resnet18"],
        ["plugins"],
        ["doctor"],
        ["plan", "quick"],
        ["plan", "quick", "--time-budget", "10s", "--json"],
        ["plan", "throughput", "--jobs"],
        ["plan", "-a", "mlp", "-d", "table.csv"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,0\n2,1\n")
    code = SNIPPET.format(arguments=json.dumps(arguments))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []], done.stderr
