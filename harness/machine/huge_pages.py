"""Huge pages for the memory that a process has: a fork copies one entry of a table for 2 MiB then, not 512."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

_MADV_COLLAPSE = 25  # Linux 6.1; what an older kernel does not know it refuses


def take_huge_pages() -> None:
    """Move this process's own memory into huge pages, as far as the system has them; its contents stay.

    Nothing is asked for later: what is mapped from now on, here or in forks, comes in the pages that it would have
    come in. Where that is refused, all stays as it is.
    """
    with contextlib.suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in _own_memory(Path("/proc/self/maps").read_text(encoding="utf-8")):
            madvise(start, end - start, _MADV_COLLAPSE)


def _own_memory(maps: str) -> list[tuple[int, int]]:
    """Return where memory begins and ends that is written to and is of no file, but for the stack."""
    found = []
    for line in maps.splitlines():
        addresses, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights.startswith("rw-p") and inode == "0" and name != ["[stack]"]:
            start, _, end = addresses.partition("-")
            found.append((int(start, 16), int(end, 16)))
    return found
