"""What only lists and plans imports neither torch nor pandas: they take seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.catalogue.host import Host

SNIPPET = """
import json, sys
from harness.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["harness", *arguments]
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    else:
        code = 0
    heavy = {"torch", "pandas", "timm", "sklearn", "scipy", "altair", "harness.api.measuring"}
    heavy = sorted(heavy & set(sys.modules))
    print("\\n>>> " + json.dumps([" ".join(arguments), code, heavy]))
"""
COMMANDS = [
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
    ["run", "no_such_suite"],  # what a run imports before its engine starts delays all jobs
]


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    """One process runs all commands, one after the other; the families have been listed before."""
    for family in ("timm", "torchvision"):
        assert Host().catalogue.match("architecture", f"{family}/resnet18")
    (tmp_path / "table.csv").write_text("a,b\n1,0\n2,1\n")
    done = subprocess.run(
        [sys.executable, "-c", SNIPPET, json.dumps(COMMANDS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(">>> ")]
    found = [json.loads(line.removeprefix(">>> ")) for line in lines]
    codes = [2 if arguments[-1] == "no_such_suite" else 0 for arguments in COMMANDS]
    wanted = [
        [" ".join(arguments), code, []] for arguments, code in zip(COMMANDS, codes, strict=True)
    ]
    assert found == wanted, done.stderr
