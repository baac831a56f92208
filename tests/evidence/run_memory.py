"""What memory a run's own processes take, the driver and the fork server, and what its store takes for each job.

    python tests/evidence/run_memory.py quick [OPTIONS OF harness run]
    python tests/evidence/run_memory.py [alone] JOBS [JOBS ...]

The first watches that suite, the second runs of so many jobs (in tens) that do nothing, each a measure of a bare architecture: ten of one,
which say that they may share a process; with `alone` they do not say so. Every
50 ms, of both processes: the largest resident set so far (VmHWM); what is their own, whatever of it forks share (RssAnon); and the
proportional set (Pss), in which what they share with each other and with libraries of other processes counts once: it is less
where others that have loaded torch run beside it. Of each the
largest is said, and the largest sum of both processes' at one moment; `alone` is the driver while there is no server, as when
it reports. Linux alone has these figures.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_EVERY = 0.05  # seconds between looks
_MIB = 1024  # the kernel counts in KiB
_SERVER = "harness.execute.fork_server"
_PLUGIN = """
from pydantic import BaseModel, Field
from harness.api import Measure, Metric, hookimpl

class Options(BaseModel):
    number: int = Field(default=0, description="tells jobs apart")

def run(context):
    yield Metric(name="number", value=float(context.options.number))

@hookimpl
def harness_register_measures():
    yield Measure(name="trivial", run=run, scope="architecture", takes=("image",), options=Options,
                  shares_process={shares})
"""
_SUITE = """
[suite]
name = "trivial"
[matrix]
architectures = [{{name = "mlp", width = {widths}}}]
datasets = ["digits"]
floors = false
[[measure]]
name = "trivial"
number = {numbers}
"""


def figures(process: int) -> dict[str, int]:
    """Return {"VmHWM", "RssAnon", "Pss": KiB} of a process."""
    found = {}
    for name in ("status", "smaps_rollup"):
        for line in Path(f"/proc/{process}/{name}").read_text().splitlines():
            key, _, value = line.partition(":")
            if key in ("VmHWM", "RssAnon", "Pss"):
                found[key] = int(value.split()[0])
    return found


def server_of(driver: int) -> int | None:
    """Return the process that is the driver's fork server, where it has one now."""
    for task in Path(f"/proc/{driver}/task").glob("*/children"):
        for child in task.read_text().split():
            if _SERVER in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    return None


def watch(command: list[str]) -> dict[str, float]:
    """Run a command, and return what it and its fork server took at most, in MiB."""
    most: dict[str, int] = {}

    def note(**values: int) -> None:
        most.update({name: max(value, most.get(name, 0)) for name, value in values.items()})

    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as driver:
        while driver.poll() is None:
            time.sleep(_EVERY)
            with contextlib.suppress(OSError, KeyError):  # one has ended meanwhile
                ours = figures(driver.pid)
                note(driver_hwm=ours["VmHWM"])
                server = server_of(driver.pid)
                if server is None:  # none yet, or no more, as it reports
                    note(driver_pss_alone=ours["Pss"])
                    continue
                its = figures(server)
                note(driver_anon=ours["RssAnon"], driver_pss=ours["Pss"])
                note(server_hwm=its["VmHWM"], server_anon=its["RssAnon"], server_pss=its["Pss"])
                note(sum_anon=ours["RssAnon"] + its["RssAnon"], sum_pss=ours["Pss"] + its["Pss"])
    if driver.returncode:
        raise SystemExit(f"{' '.join(command)} exits with {driver.returncode}")
    return {name: value / _MIB for name, value in most.items()}


def main(what: list[str]) -> None:
    """Print the figures of each run that is asked for."""
    harness = str(Path(sys.executable).with_name("harness"))
    shares = what[0] != "alone"
    what = what if shares else what[1:]
    asked = [[one] for one in what] if what[0].isdigit() else [what]
    for words in asked:
        with tempfile.TemporaryDirectory() as folder:
            command = [harness, "run", *words, "--store", f"{folder}/runs"]
            if words[0].isdigit():
                many = int(words[0]) // 10
                Path(folder, "trivial.py").write_text(_PLUGIN.format(shares=shares))
                suite = _SUITE.format(widths=list(range(16, 16 + many)), numbers=list(range(10)))
                Path(folder, "trivial.toml").write_text(suite)
                command[2] = f"{folder}/trivial.toml"
                command += ["-p", f"{folder}/trivial.py"]
            before, began = os.times(), time.monotonic()
            most = watch(command)
            took, after = time.monotonic() - began, os.times()
            cpu = (
                after.children_user
                + after.children_system
                - before.children_user
                - before.children_system
            )
            print(
                " ".join(words),
                "MiB:",
                {name: round(value) for name, value in sorted(most.items())},
            )
            size = Path(folder, "runs", "store.sqlite").stat().st_size
            print(f"  {took:.0f} s, {cpu:.0f} s of CPU; store.sqlite {size:,} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
