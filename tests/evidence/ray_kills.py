"""Runs on a cluster of Ray whose drivers, workers and nodes are killed at random moments end like one that was not.

    python tests/evidence/ray_kills.py [KILLS]

Three nodes on this machine, real processes. A suite of fits, measures and naps; SIGKILL by turns for the run's own process, which is
started again then, for a worker and for a raylet, in whose place a new node comes. After each kill: what was said to be
finished is in the store, and nothing is there twice. At each end: all ok, the figures of the local engine, nothing left behind.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "execute"), str(TESTS / "plugins" / "harness_ray")]

from harness_process import (
    OBSERVER,
    HarnessProcess,
    Workplace,
    announcements,
    done_twice,
    figures,
    outcomes,
    rows,
    small_suite,
    until,
)
from ray_cluster import RayCluster

SECONDS = 900.0  # for a run
NAPS = """
import time
from pydantic import BaseModel, Field
from harness.api import Measure, Metric, hookimpl

class NapOptions(BaseModel):
    number: int = Field(default=0, description="tells naps apart")

def nap(context):
    time.sleep(2.0 + context.options.number % 3)
    yield Metric(name="number", value=float(context.options.number))

@hookimpl
def harness_register_measures():
    yield Measure(name="nap", run=nap, scope="data", takes=("image",), options=NapOptions)
"""


class Kills:
    """A cluster, the store of a run on it, and what was killed."""

    def __init__(self, folder: Path, wanted: int) -> None:
        self.draw = random.Random(0)
        self.place = Workplace(folder)
        self.place.patience = SECONDS
        self.place.plugins += [
            self.place.write("noting.py", OBSERVER),
            self.place.write("naps.py", NAPS),
        ]
        naps = "".join(f'[[measure]]\nname = "nap"\nnumber = {n}\n' for n in range(24))
        self.place.write("small.toml", small_suite(more=naps))
        self.cluster = RayCluster.start(2, 2, 2)
        self.alive = [0, 1, 2]
        self.wanted, self.killed, self.moments = wanted, Counter[str](), Counter[str]()

    def start(self, store: str) -> HarnessProcess:
        engine = f"ray:address={self.cluster.address},retries=99"
        return self.place.start("small.toml", store, "--engine", engine)

    def wait_for_a_moment(self, process: HarnessProcess) -> bool:
        """Return whether it still runs: some time after a job has ended, or after any time."""
        before = len(process.finished())
        if self.draw.random() < 0.3:
            until(lambda: process.process.poll() is not None, self.draw.uniform(0.0, 15.0))
        else:
            ended = lambda: len(process.finished()) > before or process.process.poll() is not None
            until(ended, SECONDS, 0.05)
            time.sleep(self.draw.uniform(0.0, 2.0))
        return process.process.poll() is None

    def kill(self, process: HarnessProcess) -> bool:
        """Kill the next of three; return whether it was the run."""
        what = ("driver", "worker", "raylet")[self.killed.total() % 3]
        self.moments[f"{len(process.finished())} finished"] += 1
        if what == "driver":
            process.process.kill()
            process.output()
        elif what == "worker":
            workers = [one for node in self.alive for one in self.cluster.workers(node)]
            if not workers:
                return False  # none has started yet
            os.kill(self.draw.choice(workers), signal.SIGKILL)
        else:
            node = self.draw.choice(self.alive[1:])  # the head has the cluster's own records
            self.cluster.kill(node)
            self.alive.remove(node)
            self.cluster.add(2)
            self.alive.append(len(self.cluster.raylets) - 1)
        self.killed[what] += 1
        return what == "driver"

    def look(self, store: Path) -> None:
        """Make sure that nothing is lost and nothing is there twice."""
        if not (store / "store.sqlite").exists():
            return
        kept = {
            row["fingerprint"]: row["folder"]
            for row in rows(store, "SELECT * FROM outcomes WHERE status = 'ok'")
        }
        told = [
            line
            for line in announcements(self.place.folder / "announced.jsonl")
            if line["what"] == "finished"
        ]
        assert all(line["status"] == "ok" for line in told), told
        lost = [
            line["label"]
            for line in told
            if not (line["fingerprint"] in kept and (store / kept[line["fingerprint"]]).is_dir())
        ]
        twice = [name for name, n in Counter(line["label"] for line in told).items() if n > 1]
        assert not lost and not twice and not done_twice(store), (lost, twice)

    def run(self, number: int, expected: list[tuple[object, ...]]) -> None:
        """Let a run come to its end, whoever is killed on the way."""
        (self.place.folder / "announced.jsonl").unlink(missing_ok=True)
        store = self.place.folder / f"store{number}"
        process = self.start(store.name)
        while self.killed.total() < self.wanted and self.wait_for_a_moment(process):
            again = self.kill(process)
            self.look(store)
            if again:
                process = self.start(store.name)
        _, errors = process.output(SECONDS)
        assert process.wait() == 0, errors
        self.look(store)
        assert {row["status"] for row in outcomes(store).values()} == {"ok"}
        assert figures(store) == expected
        recorded = {row["folder"] for row in rows(store, "SELECT folder FROM outcomes")}
        assert {str(path.relative_to(store)) for path in store.glob("jobs/*/*")} == recorded
        print(f"run {number}: {len(recorded)} jobs; killed so far: {dict(self.killed)}", flush=True)


def main(wanted: int) -> None:
    """Print what was killed when, and that nothing came of it."""
    with tempfile.TemporaryDirectory() as folder:
        kills = Kills(Path(folder), wanted)
        try:
            code, _, errors = kills.place.run("small.toml", "here")
            assert code == 0, errors
            expected, number = figures(Path(folder, "here")), 0
            while kills.killed.total() < wanted:
                kills.run(number, expected)
                number += 1
        finally:
            kills.cluster.close()
    print(
        f"{wanted} kills in {number} runs, at {sorted(kills.moments)}: nothing lost, nothing twice"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
