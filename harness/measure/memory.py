"""How much memory a call needs at its peak: what the system gave, and what the tensors take.

The two are different truths. Resident memory holds the allocator's slack and the libraries'
workspaces; the tensors' peak is what the computation itself asks for, the same on every machine.
All figures are bytes.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    the resident size instead, and `method` says so. Child processes are not counted.

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
    """Peaks of torch's CUDA allocator during a call.

    allocated: bytes of tensors over those alive before. reserved: bytes that the allocator held in
    all, its cache among them.
    """

    allocated: int
    reserved: int


def cuda_peaks(run: Callable[[], object], device: torch.device) -> CudaPeaks:
    """Return the allocator's peaks while `run` runs, waiting for the device on both sides.

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
    run()
    torch.cuda.synchronize(device)
    return CudaPeaks(
        allocated=torch.cuda.max_memory_allocated(device) - baseline,
        reserved=torch.cuda.max_memory_reserved(device),
    )


def tensor_peak(model: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Return the peak bytes of the tensors that a forward pass makes, without running it.

    The pass runs on fake tensors (shapes without contents) in inference; torch's MemTracker adds up
    what is alive. Parameters, buffers and `inputs` themselves are not counted; the output is.
    Workspaces inside a kernel are not seen.

    Raises:
        NotApplicable: The tracker is missing from this torch, or cannot follow this model.
    """
    try:
        return _track(model, inputs)
    except Exception as error:  # a private module of torch: it may fail in any way
        first_line = (str(error).splitlines() or [""])[0]
        raise NotApplicable(
            f"the tensors' peak memory cannot be tracked here: {type(error).__name__}: {first_line}"
        ) from error


def _track(model: torch.nn.Module, inputs: torch.Tensor) -> int:
    import torch
    from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker

    mode = FakeTensorMode()
    with FakeCopyMode(mode):
        fake_model = copy.deepcopy(model).eval()
    with mode, torch.no_grad():
        fake_inputs = torch.empty(inputs.shape, dtype=inputs.dtype, device=inputs.device)
        tracker = MemTracker()
        tracker.track_external(fake_model, fake_inputs)

        def alive(moment: str) -> int:
            snapshot = tracker.get_tracker_snapshot(moment)
            return sum(kinds["Total"] for kinds in snapshot.values())

        with tracker:  # one entry, one step: a second one in the same context raises
            before = alive("current")
            kept = fake_model(fake_inputs)
        after = alive("peak")
        del kept
    return max(0, after - before)
