"""A harness that is busy itself while a job times shows in the job's records."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness_process import Workplace, rows

TIMED = ("throughput", "latency", "training_throughput")
SUITE = """
[suite]
name = "busy"
[matrix]
floors = false
architectures = ["mlp"]
datasets = ["digits"]
device = "cpu"
[recipes.plain]
epochs = 1
[hardware]
exclusive_threads = 1
""" + "".join(f'[[measure]]\nname = "{name}"\nseconds = 0.3\n' for name in TIMED)
BUSY = """
import threading
from harness.api import hookimpl

def spin():
    while True:
        pass

@hookimpl
def harness_run_started(event):
    threading.Thread(target=spin, daemon=True).start()
"""


@pytest.mark.slow
@pytest.mark.exclusive
@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_busy_harness_shows_in_the_records(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.plugins.append(place.write("busy.py", BUSY))
    code, _, errors = place.run(place.write("busy.toml", SUITE), "store")
    assert code == 0, errors
    found = rows(place.folder / "store", "SELECT value FROM metrics WHERE name = 'harness_cpu'")
    assert len(found) == len(TIMED)
    assert min(row["value"] for row in found) > 0.2, found  # a core, less what others take
