"""What the system tells of processes (Linux; elsewhere nothing is known)."""

from __future__ import annotations

import contextlib
import os
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


def data_bytes() -> int:
    """Return the bytes of private data that this process has mapped already (VmData)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def oom_kills() -> int:
    """Return how many processes the kernel has killed for memory, as far as it tells."""
    total = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    total += int(value)
    return total


def identify(process: int) -> str:
    """Return what no other process of this machine is: its namespace, number and start, "4026531836-77-1234".

    "" where there is none, or nothing is known of it.
    """
    with contextlib.suppress(OSError):
        state, *fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        if state not in "ZX":  # else it has ended
            return f"{_namespace()}-{process}-{fields[18]}"
    return ""


def _namespace() -> str:
    """Return whose numbers of processes are meant: a container has its own."""
    return os.readlink("/proc/self/ns/pid").strip("pid:[]")


def left_behind(variable: str) -> list[int]:
    """Return this user's living processes in whose environment a process is named that is gone.

    variable: its value begins with what `identify` said of that process, and a dot. What is of another
        namespace is left out: whether a container's processes live cannot be told from here.
    """
    found, start = [], f"{variable}={_namespace()}-".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError, ValueError):
            if path.stat().st_uid == os.getuid():
                for one in path.read_bytes().split(b"\0"):
                    if one.startswith(start):
                        owner = one.partition(b"=")[2].partition(b".")[0].decode()
                        if identify(int(owner.split("-")[1])) != owner:
                            found.append(int(path.parent.name))
    return found


def started_with(variable: str) -> list[int]:
    """Return the living processes in whose environment "NAME=value" was when their program started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
