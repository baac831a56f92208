"""Whether an NVIDIA GPU throttled, or others used it, as its driver tells (NVML, by nvidia-ml-py).

Where nvidia-ml-py or the driver is missing, nothing is said.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

THROTTLE_TOLERANCE = 0.02  # of the time
# Of nvml.h: nvmlClocksEventReasons. Idle clocks and clocks that somebody asked for are no throttling.
_REASONS = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "heat (driver)",
    0x40: "heat (hardware)",
    0x80: "power brake",
}
# Of nvml.h: nvmlPerfPolicyType; the driver adds up the nanoseconds that each held the clocks down.
_POLICIES = {0: "power cap", 1: "heat", 3: "board limit", 5: "reliability"}


@dataclass(frozen=True)
class GpuReading:
    """What the driver says at one moment.

    reasons: why clocks are held down now. held: seconds for which each cause has held them down
    since the driver was loaded. others: processes other than this one that compute on the GPU.
    """

    reasons: tuple[str, ...] = ()
    held: Mapping[str, float] = field(default_factory=dict)
    others: int = 0


def read(device: torch.device | str) -> GpuReading | None:
    """Ask the driver about a CUDA device; None for another one, or where nobody can be asked."""
    if str(device).partition(":")[0] != "cuda":
        return None
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()  # counted by the library; it stays open, as to open it takes milliseconds
        return _ask(nvml, nvml.nvmlDeviceGetHandleByUUID(_uuid(device)))
    except Exception:  # no library, no driver, no permission: a GPU that nothing is known of
        return None


def _uuid(device: torch.device | str) -> str:
    """Return the name of a GPU by which NVML knows it, whatever CUDA_VISIBLE_DEVICES hides."""
    import torch

    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


def _ask(nvml: Any, handle: Any) -> GpuReading:
    mask, held, processes = 0, dict[str, float](), set[int]()
    with contextlib.suppress(Exception):
        mask = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    for policy, cause in _POLICIES.items():
        with contextlib.suppress(Exception):
            nanoseconds = nvml.nvmlDeviceGetViolationStatus(handle, policy).violationTime
            held[cause] = nanoseconds / 1e9
    with contextlib.suppress(Exception):
        processes = {one.pid for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    # In a container this process may be known by another number: one of those listed is it.
    others = len(processes - {os.getpid()}) if os.getpid() in processes else len(processes) - 1
    return GpuReading(
        reasons=tuple(words for bit, words in _REASONS.items() if mask & bit),
        held=held,
        others=max(0, others),
    )


def describe(
    before: GpuReading | None, after: GpuReading | None, seconds: float
) -> tuple[str, ...]:
    """Say in words whether clocks were held down between two readings, and whether others computed.

    A cause that the driver counts must have held for more than 2 % of the time; for the rest, the
    clocks at the end, right after the work, stand for all of it.
    """
    if before is None or after is None or seconds <= 0:
        return ()
    shares = {
        cause: (held - before.held[cause]) / seconds
        for cause, held in after.held.items()
        if cause in before.held
    }
    causes = [f"{c} ({s:.0%})" for c, s in shares.items() if s > THROTTLE_TOLERANCE]
    causes += [cause for cause in after.reasons if cause.split(" (")[0] not in shares]
    words = [f"throttled: {', '.join(causes)}"] if causes else []
    others = max(before.others, after.others)
    if others:
        words.append(f"shared: {others} other process{'es' * (others > 1)} computed on the GPU")
    return tuple(words)
