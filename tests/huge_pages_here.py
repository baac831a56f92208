"""Whether this system moves memory into huge pages when it is asked to."""

from __future__ import annotations

import mmap
import sys

_MADV_COLLAPSE = 25
_BYTES = 16 << 20


def has_huge_pages() -> bool:
    """Whether it does, as a block is seen to: it takes Linux 6.1, a system that allows it, and room in whole pages."""
    if sys.platform != "linux":
        return False
    with mmap.mmap(-1, _BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        before = huge_bytes()
        block.write(bytes(_BYTES))
        try:
            block.madvise(_MADV_COLLAPSE)
        except OSError:
            return False
        return huge_bytes() - before >= _BYTES // 2


def huge_bytes(process: int | str = "self") -> int:
    """Return how much memory a process has in huge pages."""
    with open(f"/proc/{process}/smaps_rollup", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("AnonHugePages"))
    return int(line.split()[1]) << 10
