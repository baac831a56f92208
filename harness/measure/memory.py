"""How much memory the system gave at the peak of a call: resident, or of the GPU.

It holds the allocator's slack and the libraries' workspaces; what the tensors alone take is in
`harness.measure.tensor_memory`. All figures are bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_POLL_SECONDS = 0.001


@dataclass(frozen=True)
class ResidentPeak:
    """The rise of resident memory during a call.

    bytes: over what was resident before. baseline: what was. method: "high-water mark" of the
    kernel, exact to a few pages, or "sampled" every millisecond, which can miss a short peak.
    """

    bytes: int
    baseline: int
    method: str


def parse_status(text: str, field: str) -> int:
    """Return a field of /proc/self/status ("VmRSS", "VmHWM") in bytes.

    Raises:
        KeyError: The system does not report it.
    """
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise KeyError(field)


def _read(field: str) -> int:
    try:
        return parse_status(_STATUS.read_text(encoding="utf-8"), field)
    except (OSError, KeyError):
        raise NotApplicable(
            f"peak resident memory is not available on this machine: {_STATUS} has no {field}"
        ) from None


def _release_slack() -> None:
    """Hand freed pages back to the system, or a call that takes them again would seem free."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def peak_resident(run: Callable[[], object]) -> ResidentPeak:
    """Return by how much `run` raises this process's resident memory at its peak.

    The kernel's high-water mark (VmHWM) is reset by writing 5 to /proc/self/clear_refs; unlike
    ru_maxrss it is not inherited from the parent. Where the reset is forbidden, a thread samples
    the resident size instead, and `method` says so. Child processes are not counted. What the C library keeps of freed memory in
    spite of being asked to hand it back is not counted either, where the call takes it again: seen once in a process
    that had run thousands of other things, 27 MiB of 32; a job's process is new.

    Raises:
        NotApplicable: The system has no /proc/self/status (it is not Linux).
    """
    _release_slack()
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        return _sampled_peak(run)
    baseline = _read("VmRSS")
    run()
    return ResidentPeak(max(0, _read("VmHWM") - baseline), baseline, "high-water mark")


@contextlib.contextmanager
def memory_rise(device: torch.device) -> Iterator[Callable[[], int | None]]:
    """Enter with nothing that is felt in a fit of a second, and get a function that says the rise of memory since then, in bytes.

    On CUDA that of allocated tensors, else of resident memory by the kernel's high-water mark; None where that cannot be reset.
    """
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield lambda: torch.cuda.max_memory_allocated(device) - before
        return
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
        baseline = _read("VmRSS")
    except (OSError, NotApplicable):
        yield lambda: None
        return
    yield lambda: max(0, _read("VmHWM") - baseline)


def _sampled_peak(run: Callable[[], object]) -> ResidentPeak:
    """Poll the resident size from a thread while `run` runs."""
    baseline = highest = _read("VmRSS")
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(_POLL_SECONDS):
            highest = max(highest, _read("VmRSS"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        run()
    finally:
        done.set()
        watcher.join()
    highest = max(highest, _read("VmRSS"))
    return ResidentPeak(highest - baseline, baseline, "sampled")


@dataclass(frozen=True)
class CudaPeaks:
    """Peaks of a GPU's memory during a call.

    allocated: bytes of tensors over those alive before. reserved: bytes that torch's allocator held
    in all, its cache among them. process: bytes of the GPU that this process held in all, the CUDA
    context and the libraries' own among them. method: how `process` was found: "nvml", by the
    driver's list of processes; or "device memory", by what the whole GPU gained during the call,
    where the context from before is not seen and other processes disturb.
    """

    allocated: int
    reserved: int
    process: int
    method: str


def cuda_peaks(run: Callable[[], object], device: torch.device) -> CudaPeaks:
    """Return the peaks while `run` runs, waiting for the device on both sides.

    The process's hold is read once, after the call: torch's allocator keeps what it took.

    Raises:
        NotApplicable: `device` is not a CUDA device.
    """
    import torch

    if device.type != "cuda":
        raise NotApplicable(f"CUDA memory peaks are not available on the device {str(device)!r}")
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    baseline = torch.cuda.memory_allocated(device)
    held, free = torch.cuda.memory_reserved(device), torch.cuda.mem_get_info(device)[0]
    run()
    torch.cuda.synchronize(device)
    process, method = _process_bytes(device), "nvml"
    if process is None:
        process = max(0, held + free - torch.cuda.mem_get_info(device)[0])
        method = "device memory"
    return CudaPeaks(
        allocated=torch.cuda.max_memory_allocated(device) - baseline,
        reserved=torch.cuda.max_memory_reserved(device),
        process=process,
        method=method,
    )


def _process_bytes(device: torch.device) -> int | None:
    """Return the bytes of the GPU that the driver ascribes to this process; None if it does not.

    In a container the driver may know the process by another number.
    """
    import torch

    try:
        pynvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        gpu = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(gpu)
    except (pynvml.NVMLError, AttributeError):
        return None
    for process in processes:
        if process.pid == os.getpid() and process.usedGpuMemory is not None:
            return int(process.usedGpuMemory)
    return None
