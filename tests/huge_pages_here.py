"""Whether this system moves memory into huge pages when it is asked to."""

from __future__ import annotations

import platform
from pathlib import Path

MODES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def has_huge_pages() -> bool:
    """Whether it does: Linux 6.1 or newer, and not told never to."""
    version = tuple(int(part) for part in platform.release().split(".")[:2] if part.isdigit())
    return MODES.exists() and "[never]" not in MODES.read_text() and version >= (6, 1)
