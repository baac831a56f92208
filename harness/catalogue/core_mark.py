"""Whether the harness's own sources are as they were when what they reach was last found out.

To find it out for each plan anew took half of a small plan's time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parents[1]
_GRAIN_NS = 2 * 10**9  # what changed so lately may change again within the clock's grain

_Mark = tuple[tuple[str, ...], tuple[tuple[str, int, int, int, int], ...]]
_settled: list[_Mark] = []  # the mark of last time, if nothing had changed shortly before


def has_core_changed() -> bool:
    """Whether a source of the harness, or where modules are looked for, may have changed since last asked."""
    sources = tuple(sorted(_sources(str(_HERE))))
    mark = ((os.getcwd(), *sys.path), sources)
    same = _settled == [mark]
    newest = max((max(mtime, ctime) for _, _, mtime, ctime, _ in sources), default=0)
    _settled[:] = [mark] if time.time_ns() - newest > _GRAIN_NS else []
    return not same


def _sources(folder: str) -> list[tuple[str, int, int, int, int]]:
    """Return path, size, mtime and ctime in ns, and inode of each source file in a folder and those in it."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                found += _sources(entry.path) if entry.name != "__pycache__" else []
            elif entry.name.endswith(".py"):
                s = entry.stat()
                found.append((entry.path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino))
    return found
