"""What else the machine did while something was timed: other processes, other machines, the harness.

A `Reading` holds counters that only grow; `between` two of them says what went on. Nothing runs in
between, so to look costs nothing of what is measured.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.machine import gpu_load

if TYPE_CHECKING:
    import torch

harness_processes: tuple[int, ...] = ()
"""The processes of the harness besides this one, by id; set where a job's process begins."""


companions: tuple[int, ...] = ()
"""The processes that work with this one on one job, by id: what they spend is its own, and not of others."""


@dataclass(frozen=True)
class CpuTimes:
    """Counters of the whole machine since it started, in ticks."""

    total: int
    steal: int
    busy: int = 0  # spent by processes and the kernel: not idle, not stolen


def parse_cpu_times(text: str) -> CpuTimes | None:
    """Read the first line of /proc/stat; None where it has no steal column."""
    fields = text.split("\n", 1)[0].split()
    if len(fields) < 9 or fields[0] != "cpu":
        return None
    # Guest time (fields 9 and 10) is already part of user and nice time.
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, fields[1:9])
    busy = user + nice + system + irq + softirq
    return CpuTimes(total=busy + idle + iowait + steal, steal=steal, busy=busy)


def read_cpu_times() -> CpuTimes | None:
    """Return the machine's CPU counters; None where there is no /proc/stat."""
    try:
        return parse_cpu_times(Path("/proc/stat").read_text(encoding="ascii"))
    except OSError:
        return None


def steal_share(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    """Return the share of CPU time that the hypervisor gave to others; None where unknown."""
    if before is None or after is None or after.total <= before.total:
        return None
    return (after.steal - before.steal) / (after.total - before.total)


def foreign_cores(
    before: CpuTimes | None, after: CpuTimes | None, own_seconds: float, seconds: float
) -> float | None:
    """Return how many cores other processes kept busy meanwhile; None where unknown.

    own_seconds: CPU time of this process, all threads. seconds: on the clock.
    """
    if before is None or after is None or seconds <= 0:
        return None
    busy = (after.busy - before.busy) / os.sysconf("SC_CLK_TCK")
    return max(0.0, (busy - own_seconds) / seconds)


def parse_process_ticks(text: str) -> int:
    """Return user and system time of a process in ticks, from its /proc/PID/stat (proc(5), 14, 15).

    The name in brackets, field 2, may hold blanks and brackets itself.
    """
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def process_seconds(process: int) -> float | None:
    """Return the CPU time that a process has spent, all threads; None where it cannot be told.

    By the kernel's clock of that process, in nanoseconds; where there is none, by /proc, in ticks
    of usually 10 ms.
    """
    try:  # the id of the clock: Linux, MAKE_PROCESS_CPUCLOCK(process, CPUCLOCK_SCHED)
        return time.clock_gettime((~process << 3) | 2)
    except (OSError, AttributeError, OverflowError):
        pass
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return parse_process_ticks(text) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _seconds_of_all(processes: Sequence[int]) -> float | None:
    spent = [process_seconds(process) for process in processes]
    known = [seconds for seconds in spent if seconds is not None]
    return sum(known) if known and len(known) == len(spent) else None


@dataclass(frozen=True)
class Reading:
    """Counters at one moment.

    at: seconds on the clock. own: CPU seconds of this process and its companions. harness: of the harness's others,
    None where unknown. machine, gpu: None where there are none.
    """

    at: float
    own: float
    harness: float | None = None
    machine: CpuTimes | None = None
    gpu: gpu_load.GpuReading | None = None


@dataclass(frozen=True)
class Load:
    """What went on between two readings; None where unknown.

    steal: share of the machine's CPU time that the hypervisor gave to others.
    foreign: cores that processes other than this one and its companions kept busy.
    harness: cores that the harness's other processes kept busy: the one that waits, and the warm server.
    gpu: what its driver says in words: "throttled: ...", "shared: ...".
    """

    steal: float | None
    foreign: float | None
    harness: float | None
    gpu: tuple[str, ...] = ()


def read(device: torch.device | str = "cpu") -> Reading:
    """Read the counters now; `device` says whether a GPU's driver is asked, too."""
    gpu = gpu_load.read(device)
    return Reading(
        at=time.perf_counter(),
        own=time.process_time() + (_seconds_of_all(companions) or 0.0),
        harness=_seconds_of_all(harness_processes),
        machine=read_cpu_times(),
        gpu=gpu,
    )


def between(before: Reading, after: Reading) -> Load:
    """Say what went on between two readings."""
    seconds = after.at - before.at
    harness = None
    if before.harness is not None and after.harness is not None and seconds > 0:
        harness = max(0.0, after.harness - before.harness) / seconds
    return Load(
        steal=steal_share(before.machine, after.machine),
        foreign=foreign_cores(before.machine, after.machine, after.own - before.own, seconds),
        harness=harness,
        gpu=gpu_load.describe(before.gpu, after.gpu, seconds),
    )
