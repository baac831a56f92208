"""A tree as Linux' powercap shows it, written by a test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

RANGE = 10_000_000  # microjoules after which a counter wraps; real ones have 2^32 and more


class Powercap:
    """Two packages, the memory of the first, and zones that hold the same energy again."""

    NAMES: ClassVar[dict[str, str]] = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
        "intel-rapl-mmio:0": "package-0",
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for zone, name in self.NAMES.items():
            (folder / zone).mkdir(parents=True)
            (folder / zone / "name").write_text(f"{name}\n")
            (folder / zone / "max_energy_range_uj").write_text(f"{RANGE}\n")
            self.set(zone, 0)

    def set(self, zone: str, microjoules: int) -> None:
        """Let a counter stand at a value; whoever reads sees the old one or the new one."""
        path = self.folder / zone / "energy_uj"
        path.with_suffix(".new").write_text(f"{microjoules}\n")
        os.replace(path.with_suffix(".new"), path)
