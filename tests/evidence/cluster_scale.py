"""What the run's own process has to do for a large plan on many machines: scheduling, store, memory; no jobs.

    python tests/evidence/cluster_scale.py --jobs 20000 --nodes 1000 --store DIR --rate 800

The engine here does nothing: it counts places (`MachinePlaces`, as the engines of clusters do) and says of each job
that it has ended: so many a second, and those that the run was too busy to hear of all at once. All else is a real run: claims, folders, queue, outcomes made durable, events.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.run_kinds import Engine
from harness.execute.engines import Busy, Ended, Work
from harness.execute.machine_places import MachinePlace, MachinePlaces
from harness.execute.run import run_plan
from harness.machine.machines import Machine
from harness.measure.metric import Metric
from harness.plan.jobs import Job, Plan
from harness.store.records import Outcome
from harness.store.store import Store

SLOTS = 16
NODES = [1000]
RATE = [800.0]  # jobs that end in a second
HARDWARE = {
    "cpu_slots": None,
    "threads": 1,
    "memory_limit": None,
    "time_limit": 3600.0,
    "checkpoint_every": 300.0,
}


class Idle:
    """Ends the jobs that were started first, at the rate that is asked for, so that nearly all places stay taken."""

    def __init__(self, setting: Any) -> None:
        machine = {"cpu": "EPYC", "cores": SLOTS, "memory_bytes": 2**36, "cpu_slots": SLOTS}
        self.free = MachinePlaces([Machine(name=f"node{n}", **machine) for n in range(NODES[0])])
        self.works: deque[Work] = deque()
        self.next_end = 0.0  # the first job has yet to come

    @property
    def machines(self) -> Sequence[Machine]:
        return self.free.machines

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> MachinePlace | Busy:
        return self.free.reserve(job, machines)

    def submit(self, work: Work) -> None:
        work.began = time.monotonic()
        self.works.append(work)

    def wait(self, timeout: float | None) -> list[Ended]:
        self.next_end = self.next_end or time.monotonic()
        time.sleep(max(0.0, self.next_end - time.monotonic()))
        found = []
        while self.works and self.next_end <= time.monotonic():
            found.append(self.end(self.works.popleft()))
            self.next_end += 1.0 / RATE[0]
        return found

    def end(self, work: Work) -> Ended:
        assert isinstance(work.place, MachinePlace)
        self.free.give_back(work.place)
        Path(work.request.folder, "log.txt").touch()
        metrics = (Metric(name="accuracy", value=0.5, low=0.4, high=0.6, n=1000, unit="fraction"),)
        fingerprint = work.request.job.fingerprint
        outcome = Outcome(fingerprint=fingerprint, status="ok", metrics=metrics, seconds=1.0)
        return Ended(work.token, outcome)

    def kill(self, token: str, reason: str) -> None:
        raise AssertionError("nothing takes so long")

    def close(self) -> None:
        self.works.clear()


@hookimpl
def harness_register_engines() -> list[Engine]:
    return [Engine(name="idle", start=Idle, source="a script")]


class Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda event: None


def plan(jobs: int) -> Plan:
    """Return a plan: for each data set a preparation, fits, and three measures of each."""
    found: list[Job] = []

    def add(sort: str, needs: tuple[str, ...], **axes: Any) -> str:
        fingerprint = f"{len(found):064x}"
        label = f"{sort} {len(found)}"
        spec = {"architecture": {"name": "mlp", "options": {}}, "data": needs[:1]}
        found.append(Job(fingerprint, sort, label, spec, needs, axes))
        return fingerprint

    data = add("prepare", (), dataset="digits")
    while len(found) < jobs:
        fit = add("fit", (data,), architecture=f"a{len(found)}", dataset="digits", seed=0)
        for measure in ("accuracy", "shift", "adversarial"):
            add("measure", (data, fit), architecture=f"a{len(found)}", measure=measure, seed=0)
    return Plan("large", tuple(found), jobs, HARDWARE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--store", default="")
    parser.add_argument("--rate", type=float, default=RATE[0], help="jobs that end in a second")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    host = Host(PluginChoice(files=(__file__,)))
    engine: Any = sys.modules["cluster_scale"]
    engine.NODES[0], engine.RATE[0] = asked.nodes, asked.rate
    with tempfile.TemporaryDirectory(dir=asked.store or None) as folder, Store(folder) as store:
        large = plan(asked.jobs)
        profile = cProfile.Profile()
        wall, cpu = time.perf_counter(), time.process_time()
        if asked.profile:
            profile.enable()
        done = run_plan(large, store, host, observer=Silent(), engine="idle")  # type: ignore[arg-type]
        profile.disable()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = Path(folder, "store.sqlite").stat().st_size
    count = sum(done.counts.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} jobs, {asked.nodes} nodes of {SLOTS} slots: {wall:.0f} s, {cpu:.0f} s of CPU")
    print(f"{count / wall:.0f} outcomes a second; {1e3 * cpu / count:.2f} ms of CPU each")
    print(f"{peak:.0f} MB at the peak, {size / count:.0f} bytes a job in the database")
    if asked.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(30)


if __name__ == "__main__":
    main()
