"""Two runs on one machine, in processes of their own: neither waits for ever, and both say what for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from harness_process import HarnessProcess, Workplace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc"),
]

SLEEPING = """
import json, os, time
from harness.api import Measure, Metric, hookimpl

def sleep(what, seconds):
    started = time.monotonic()
    time.sleep(seconds)
    with open(os.environ["INTERVALS"], "a") as file:
        file.write(json.dumps([what, started, time.monotonic()]) + "\\n")
    yield Metric(name="slept", value=seconds)

def alone():
    yield from sleep("alone", 3.0)

def beside():
    while not os.path.exists(os.environ["READY"]):  # until the other run is about to time
        time.sleep(0.05)
    yield from sleep("beside", 0.7)

@hookimpl
def harness_job_finished(event):
    if event.sort == "prepare" and event.run.startswith("alone"):
        open(os.environ["READY"], "w").close()

@hookimpl
def harness_register_measures():
    takes = ("image",)
    yield Measure(name="alone", run=alone, scope="architecture", exclusive=True, takes=takes)
    yield Measure(name="beside", run=beside, scope="architecture", takes=takes)
"""


def suite(name: str, architectures: int) -> str:
    names = [f"mlp:width={8 + n}" for n in range(architectures)]
    return f"""
[suite]
name = "{name}"
[matrix]
floors = false
architectures = {json.dumps(names)}
datasets = ["digits"]
[[measure]]
name = "{name}"
"""


def test_a_run_that_times_gets_its_turn_and_the_other_says_so(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.plugins.append(place.write("sleeping.py", SLEEPING))
    intervals = tmp_path / "intervals.jsonl"

    def start(name: str, architectures: int) -> HarnessProcess:
        file = place.write(f"{name}.toml", suite(name, architectures))
        environment = {
            "INTERVALS": str(intervals),
            "READY": str(tmp_path / "ready"),
            "ANNOUNCED": str(tmp_path / name),
        }
        return place.start(file, f"store-{name}", environment=environment)

    shares, times = start("beside", 20), start("alone", 2)
    (_, said_shares), (_, said_times) = shares.output(), times.output()
    assert (shares.wait(), times.wait()) == (0, 0), said_shares + said_times
    noted = [json.loads(line) for line in intervals.read_text().splitlines()]
    alone = [one for one in noted if one[0] == "alone"]
    beside = [one for one in noted if one[0] == "beside"]
    assert (len(alone), len(beside)) == (2, 20)
    assert (
        sum(start > alone[0][2] for _, start, _ in beside) > 10
    )  # it did not wait for all of them
    for _, start, end in alone:
        assert all(e <= start or s >= end for one in noted if one[1] != start for _, s, e in [one])
    whose = f"of alone-0001 (process {times.process.pid}, store store-alone), which runs alone"
    assert "waits for alone mlp:width=" in said_shares and whose in said_shares
    assert "goes on after" in said_shares
