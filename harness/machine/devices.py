"""The hardware at hand, found without importing torch."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Gpu:
    """A GPU as CUDA numbers it: `index` counts the visible ones from 0. uuid: its own, whoever counts."""

    index: int
    name: str
    memory_bytes: int
    driver: str
    uuid: str = ""


def _first_line(path: Path) -> str:
    """Return the first line of a small file of the kernel; "" where it cannot be read."""
    try:
        return (path.read_text(encoding="utf-8", errors="replace").splitlines() or [""])[0].strip()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _cgroup_folders() -> tuple[Path, ...]:
    """Return this process's control group (version 2) and those above it, innermost first."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    for line in lines:
        if line.startswith("0::"):
            folder = _CGROUP / line[3:].strip().lstrip("/")
            inside = (folder, *folder.parents)
            return tuple(path for path in inside if path.is_relative_to(_CGROUP))
    return ()


def parse_quota(text: str) -> float:
    """Return the cores that a cgroup's ``cpu.max`` ("200000 100000") allows; infinity for "max"."""
    quota, _, period = text.partition(" ")
    if not quota.isdigit() or not period.strip().isdigit():
        return math.inf
    return int(quota) / int(period)


@lru_cache(maxsize=1)
def _cpu_quota() -> float:
    """Return the cores that control groups allow, version 2 or 1; infinity where they do not say."""
    quotas = [parse_quota(_first_line(folder / "cpu.max")) for folder in _cgroup_folders()]
    old = _CGROUP / "cpu"
    limits = _first_line(old / "cpu.cfs_quota_us"), _first_line(old / "cpu.cfs_period_us")
    return min([math.inf, *quotas, parse_quota(" ".join(limits))])


def cpu_count() -> int:
    """Return the cores that this process may use, by affinity and by cgroup quota; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, int(min(cores, _cpu_quota())))


@lru_cache(maxsize=1)
def cpu_model() -> str:
    """Return the CPU's name, such as "AMD EPYC 7B13"; its architecture where it has none."""
    name = _cpu_field("model name", "Hardware", "cpu model")
    return name or platform.processor() or platform.machine()


@lru_cache(maxsize=1)
def cpu_vendor() -> str:
    """Return what an x86 CPU says who made it, such as "AuthenticAMD"; "" where the system does not tell."""
    return _cpu_field("vendor_id")


def _cpu_field(*names: str) -> str:
    """Return the first value that the kernel gives a CPU under one of some names; "" where it gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names and value.strip():
            return " ".join(value.split())
    return ""


@lru_cache(maxsize=1)
def total_memory() -> int:
    """Return the bytes of memory that this process may use: the machine's, or its cgroup's."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
    limits = [_first_line(folder / "memory.max") for folder in _cgroup_folders()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


@lru_cache(maxsize=1)
def _query_gpus() -> tuple[tuple[str, Gpu], ...]:
    """Return (uuid, GPU) of all GPUs that nvidia-smi lists; () where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = "--query-gpu=uuid,index,name,memory.total,driver_version"
    try:
        answer = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(answer.stdout)


def parse_gpus(text: str) -> tuple[tuple[str, Gpu], ...]:
    """Read nvidia-smi's table of uuid, index, name, memory in MiB and driver."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 5 or not cells[1].isdigit():
            continue
        memory = int(cells[3]) * 2**20 if cells[3].isdigit() else 0
        found.append((cells[0], Gpu(int(cells[1]), cells[2], memory, cells[4])))
    return tuple(found)


def select_gpus(all_gpus: tuple[tuple[str, Gpu], ...], visible: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs that a value of CUDA_VISIBLE_DEVICES leaves, numbered anew from 0.

    As CUDA does, an entry (a number, or the start of a uuid) that names no GPU ends the list. None:
    the variable is not set, and all are visible.
    """
    if visible is None:
        chosen = list(all_gpus)
    else:
        chosen = []
        for entry in visible.split(","):
            word = entry.strip()
            matches = [
                (uuid, gpu)
                for uuid, gpu in all_gpus
                if (word == str(gpu.index) if word.isdigit() else word and uuid.startswith(word))
            ]
            if not matches:
                break
            chosen.append(matches[0])
    return tuple(replace(gpu, index=index, uuid=uuid) for index, (uuid, gpu) in enumerate(chosen))


def gpus() -> tuple[Gpu, ...]:
    """Return the visible NVIDIA GPUs; () where there is none or nvidia-smi does not answer.

    nvidia-smi counts in the order of the PCI bus; CUDA does too where CUDA_DEVICE_ORDER is
    PCI_BUS_ID, or all GPUs are alike.
    """
    return select_gpus(_query_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES"))
