"""What a job costs through Ray, against bare tasks of Ray that fork a process; and what a run costs that has 1,000 jobs queued.

    python tests/evidence/ray_overhead.py [JOBS] [--no-queue]

Both on a cluster of one node with two CPUs, in blocks by turns. A bare task is what a person would write who wants jobs
isolated: torch is imported in Ray's worker, the task forks, the child writes a file, the parent waits for it and returns
what it says. Ours is the engine as runs use it: a request goes to the node, a process is forked from the warm server, looks
for what to do (there is nothing), describes the environment and writes an outcome, whose folder comes back.
"""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "execute")]

from harness_process import OBSERVER, Workplace, announcements, until

from harness.catalogue.host import PluginChoice
from harness.execute.engines import Busy, Ended, EngineSetting, Work
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness_ray.cluster import machines
from harness_ray.engine import RayEngine, start
from harness_ray.options import RayOptions

JOB = Job(fingerprint="f" * 64, sort="nothing", label="nothing", spec={}, needs=(), axes={})
CPUS = 2
BLOCKS = 10
QUEUED = 1000
QUEUED_SECONDS = 30.0  # that the driver is watched
NAPS = """
import time
from pydantic import BaseModel, Field
from harness.api import Measure, Metric, hookimpl

class NapOptions(BaseModel):
    number: int = Field(default=0, description="tells naps apart")

def nap(context):
    time.sleep(600.0)
    yield Metric(name="number", value=float(context.options.number))

@hookimpl
def harness_register_measures():
    yield Measure(name="nap", run=nap, scope="data", takes=("image",), options=NapOptions)
"""
SUITE = """
[suite]
name = "queued"
[matrix]
architectures = ["mlp"]
datasets = ["digits"]
floors = false
"""


def bare(number: int) -> bytes:
    """A task: fork, let the child leave a file, return what it says."""
    import os
    import tempfile

    import torch  # noqa: F401 - as our server has it

    path = os.path.join(tempfile.gettempdir(), f"bare-{os.getpid()}-{number}")
    child = os.fork()
    if not child:
        with open(path, "w") as file:
            file.write('{"status": "ok"}')
        os._exit(0)
    os.waitpid(child, 0)
    with open(path, "rb") as file:
        said = file.read()
    os.unlink(path)
    return said


def ours(engine: RayEngine, folder: Path, count: int) -> None:
    """Run so many trivial jobs, as a run would."""
    started = ended = 0
    while ended < count:
        while started < count:
            place = engine.reserve(JOB)
            if isinstance(place, Busy):
                break
            home = folder / str(started)
            home.mkdir()
            engine.submit(Work(token=str(home), request=Request(JOB, str(home)), place=place))
            started += 1
        for end in engine.wait(60.0):
            assert isinstance(end, Ended) and "nothing_job" in end.outcome.reason, end
            ended += 1


def seconds(do: Callable[[], Any]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def own_cpu() -> float:
    """Return the CPU seconds of this process, which is the driver, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process, all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_below() -> float:
    """Return the CPU seconds of this process and of all that descend from it, those that have ended too."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    total, above = 0, {os.getpid()}
    while above:
        total += sum(int(value) for one in above for value in fields[one][11:15])
        above = {one for one, its in fields.items() if int(its[1]) in above}
    return total / os.sysconf("SC_CLK_TCK")


def queued(folder: Path, address: str) -> None:
    """Print what the driver of a run takes of a core while jobs run and all others wait for a place."""
    place = Workplace(folder)
    place.plugins += [place.write("noting.py", OBSERVER), place.write("naps.py", NAPS)]
    naps = "".join(f'[[measure]]\nname = "nap"\nnumber = {n}\n' for n in range(QUEUED))
    place.write("queued.toml", SUITE + naps)
    process = place.start("queued.toml", "store", "--engine", f"ray:address={address},cpus={CPUS}")

    def naps_begun() -> bool:
        told = announcements(process.announced)
        naps = [line for line in told if line["label"].startswith("nap")]
        return len(naps) >= CPUS or process.process.poll() is not None

    assert until(naps_begun, 300.0, 0.5) and process.process.poll() is None, process.output()
    time.sleep(10.0)
    before, began = cpu_of(process.process.pid), time.monotonic()
    time.sleep(QUEUED_SECONDS)
    share = (cpu_of(process.process.pid) - before) / (time.monotonic() - began)
    process.process.kill()
    process.output()
    print(f"{QUEUED} jobs, {CPUS} of them run: the driver takes {share:.1%} of a core")


def main(jobs: int) -> None:
    """Print both costs of a job, and the driver's while others wait."""
    ray.init(
        address="local",
        num_cpus=CPUS + CPUS,  # half of it is the engine's
        include_dashboard=False,
        log_to_driver=False,
        _system_config={"worker_niceness": 0},
    )
    setting = EngineSetting(plugins=PluginChoice(), preload=("torch",))
    task = ray.remote(num_cpus=1, max_retries=0)(bare)
    with tempfile.TemporaryDirectory() as folder:
        options = RayOptions(cpus=CPUS)
        machines(options)
        engine = start(setting, options)
        ray.get([task.remote(number) for number in range(8)])  # torch is imported
        warm = Path(folder, "warm")
        warm.mkdir()
        ours(engine, warm, 8)
        per_block = jobs // BLOCKS
        both: dict[str, list[float]] = {"ours": [], "bare": []}
        cpu = dict.fromkeys(both, 0.0)
        driver = 0.0
        for block in range(BLOCKS):
            home = Path(folder, str(block))
            home.mkdir()
            before, began = own_cpu(), cpu_below()
            both["ours"].append(seconds(lambda home=home: ours(engine, home, per_block)))  # type: ignore[misc]
            driver, between = driver + own_cpu() - before, cpu_below()
            both["bare"].append(
                seconds(lambda: ray.get([task.remote(number) for number in range(per_block)]))
            )
            cpu["ours"] += between - began
            cpu["bare"] += cpu_below() - between
        address = ray.get_runtime_context().gcs_address
        engine.close()
        if "--no-queue" not in sys.argv:
            home = Path(folder, "queued")
            home.mkdir()
            queued(home, address)
    for name, blocks in both.items():
        each = [1e3 * one / per_block for one in blocks]
        print(
            f"{name}: {statistics.median(each):.1f} ms a job ({min(each):.1f} to {max(each):.1f}), "
            f"{1e3 * cpu[name] / jobs:.1f} ms of CPU, all processes"
        )
    ratios = [one / two for one, two in zip(both["ours"], both["bare"], strict=True)]
    print(f"{jobs} jobs each, {CPUS} at once: ratio {statistics.median(ratios):.2f}", end=" ")
    print(
        f"({min(ratios):.2f} to {max(ratios):.2f}); of CPU {cpu['ours'] / cpu['bare']:.2f}; driver "
        f"{1e3 * driver / jobs:.1f} ms of CPU a job"
    )
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
