"""What the system tells of processes (Linux; elsewhere nothing is known)."""

from __future__ import annotations

import contextlib
from pathlib import Path


def is_stopped(process: int) -> bool:
    """Whether a process was stopped: by Ctrl-Z, a signal or a debugger."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    return False


def children_of(process: int) -> list[int]:
    """Return the children of a process's first thread."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
        return [int(number) for number in text.split()]
    return []


def started_with(variable: str) -> list[int]:
    """Return the living processes in whose environment "NAME=value" was when their program started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
