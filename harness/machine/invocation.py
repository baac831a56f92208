"""How a run was started: the command line, and the commit of the folder that it was started in."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

_NO_COMMAND = ("", "-c", "-m", "ipykernel_launcher.py")


def describe_invocation() -> dict[str, str]:
    """Return "command" and "commit", each "" where there is none; paths are as they were typed."""
    program = Path(sys.argv[0]).name if sys.argv else ""
    command = "" if program in _NO_COMMAND else shlex.join([program, *sys.argv[1:]])
    return {"command": command, "commit": describe_commit(Path.cwd())}


def describe_commit(folder: Path) -> str:
    """Return the commit that a folder is at, "with changes" where tracked files differ from it.

    "" outside a repository, and where git is missing, refuses or takes more than two seconds.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if changed else commit


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, timeout=2, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()
