"""What a job of sort "probe" does: it ends in the way that its spec says, for contracts of engines. No plan has one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.execute.request import Items, Request
from harness.measure.metric import Metric

WORKS, RAISES, DIES, EXHAUSTS, SLEEPS = "works", "raises", "dies", "exhausts", "sleeps"
LEFT = "left/by_a_probe.bin"
"""The file that a probe leaves: what it has read in the folders of the jobs that it needs, behind its label."""


def run(
    request: Request, items: Items, metric: Callable[[Metric], None], notes: dict[str, Any]
) -> None:
    """Do what the spec's "deed" says."""
    deed = request.job.spec["deed"]
    print(f"{request.job.label} {deed}", flush=True)
    path = Path(request.folder, LEFT)
    path.parent.mkdir()
    read = [Path(folder, LEFT).read_bytes() for folder in request.needs.values()]
    path.write_bytes(b"".join([request.job.label.encode(), *read]))
    if deed == RAISES:
        raise ValueError("as it should")
    if deed == DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == EXHAUSTS:
        raise MemoryError("as it should")
    if deed == SLEEPS:
        time.sleep(3600)
    metric(Metric(name="one", value=1.0))
