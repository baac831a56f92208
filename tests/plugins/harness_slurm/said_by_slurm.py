"""Slurm's commands as scripts that say what a test has written down: for what a cluster of tests cannot be made to say."""

from __future__ import annotations

from pathlib import Path

import pytest

_SCRIPT = """#!/bin/sh
name=$(basename "$0")
cd "{folder}"
echo "$name $*" >> asked
[ "$name" = sbatch ] && cat > /dev/null
case "$name $*" in
  *"%P|%l"*) name=partitions ;;
  sbatch*"$(cat refused)"*) echo "sbatch: error: not available" >&2; exit 1 ;;
esac
cat "$name"
"""


class SaidBySlurm:
    """What the commands say, and what they were asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        commands = folder / "bin"
        commands.mkdir(parents=True)
        for name in ("sinfo", "sbatch", "squeue", "scancel"):
            (commands / name).write_text(_SCRIPT.format(folder=folder))
            (commands / name).chmod(0o755)
            self.say(name, "")
        self.say("partitions", "debug*|1:00:00\n")
        self.say("sinfo", "n01|idle|32|8000|(null)|(null)|1:32:1\n")
        self.say("sbatch", "7\n")
        self.say("refused", "--never")
        patch.setenv("PATH", str(commands), prepend=":")

    def say(self, name: str, text: str) -> None:
        """Have a command say something from now on; "refused": sbatch refuses what has that text in it."""
        (self._folder / name).write_text(text)

    def asked(self, name: str) -> list[str]:
        """Return with what a command was called, each time."""
        path = self._folder / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(f"{name} ")]
