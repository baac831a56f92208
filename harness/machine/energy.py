"""Meters of energy: RAPL's counters of a CPU (through Linux' powercap), and NVML's of an NVIDIA GPU.

RAPL counts whole packages and their memory, NVML whole boards: what else runs there counts too.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.errors import NotApplicable
from harness.machine.devices import Gpu, select_gpus

POWERCAP = Path("/sys/class/powercap")
POLL_SECONDS = 10.0  # a counter of 2^32 microjoules wraps after 14 s at 300 W, others after minutes


@dataclass(frozen=True)
class Counter:
    """A counter of energy. name: of the part that it counts. wraps: joules after which it is 0 again."""

    name: str
    read: Callable[[], float]
    wraps: float | None = None


class Meter:
    """The energy that some counters have counted since the meter was entered, in joules."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        """Take the counters; nothing is read yet."""
        self.counters = tuple(counters)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._last: list[float] = []
        self._joules = 0.0

    @property
    def says(self) -> str:
        """What it counts, in words."""
        return ", ".join(counter.name for counter in self.counters)

    def __enter__(self) -> Self:
        """Start to count; counters that wrap are read often enough to see it."""
        self._last, self._joules = [counter.read() for counter in self.counters], 0.0
        self._stop.clear()
        if any(counter.wraps for counter in self.counters):
            threading.Thread(target=self._poll, daemon=True, name="energy").start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop reading in the background."""
        self._stop.set()

    def joules(self) -> float:
        """Return the energy since the start.

        Raises:
            OSError: A counter can no longer be read.
        """
        with self._lock:
            for place, counter in enumerate(self.counters):
                value = counter.read()
                change = value - self._last[place]
                if change < 0:
                    change += counter.wraps or 0.0
                self._last[place] = value
                self._joules += max(0.0, change)
            return self._joules

    def _poll(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            with contextlib.suppress(Exception):
                self.joules()


def open_meter(device: str) -> Meter:
    """Return the meter of a device: "cpu", "cuda:1", or "cuda" for all visible GPUs.

    Raises:
        NotApplicable: There is none, or it may not be read; the message says why.
    """
    kind, _, number = str(device).partition(":")
    if kind == "cpu":
        return Meter(_rapl())
    if kind == "cuda":
        return Meter(_nvml(int(number) if number else None))
    raise NotApplicable(f"energy is not available on this machine: no meter is known for {device}")


@contextlib.contextmanager
def metered(*devices: str) -> Iterator[Callable[[], float | None]]:
    """Yield a function that returns the joules since the start; None where nothing can be read.

    Devices that have no meter are left out.
    """
    counters: list[Counter] = []
    for device in devices:
        with contextlib.suppress(NotApplicable):
            counters += open_meter(device).counters
    if not counters:
        yield lambda: None
        return

    def read() -> float | None:
        try:
            return meter.joules()
        except Exception:  # a driver that went away
            return None

    try:
        meter = Meter(counters).__enter__()
    except Exception:  # the same
        yield lambda: None
        return
    try:
        yield read
    finally:
        meter.__exit__()


def _rapl() -> list[Counter]:
    """Return the packages, and their memory where it is counted apart.

    Cores and the graphics unit are inside the package; "psys" holds the package again, as does the
    same counter by another way (intel-rapl-mmio).
    """
    zones = sorted(POWERCAP.glob("intel-rapl:*")) if POWERCAP.is_dir() else []
    counters, reasons = [], []
    for zone in zones:
        try:
            name = (zone / "name").read_text(encoding="ascii").strip()
            inside = zone.name.count(":") > 1
            if not (name == "dram" if inside else name.startswith("package")):
                continue
            path = zone / "energy_uj"
            wraps = int((zone / "max_energy_range_uj").read_text(encoding="ascii")) / 1e6
            counter = Counter(f"{name} ({zone.name})", _microjoules(path), wraps)
            counter.read()
        except PermissionError as error:
            reasons.append(
                f"{error.filename} cannot be read ({error.strerror}); its administrator can allow "
                "it: chmod a+r"
            )
        except (OSError, ValueError) as error:
            reasons.append(f"{zone / 'energy_uj'} cannot be read ({error})")
        else:
            counters.append(counter)
    if reasons or not counters:
        why = reasons[0] if reasons else f"the kernel shows no RAPL counter in {POWERCAP}"
        raise NotApplicable(f"energy is not available on this machine: {why}")
    return counters


def _microjoules(path: Path) -> Callable[[], float]:
    return lambda: int(path.read_text(encoding="ascii")) / 1e6


def _nvml(number: int | None) -> list[Counter]:
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handles = _handles(nvml, number)
        counters = [Counter(f"GPU {place}", _millijoules(nvml, one)) for place, one in handles]
        for counter in counters:
            counter.read()
    except Exception as error:  # no library, no driver, a board without a meter
        raise NotApplicable(
            f"energy is not available on this machine: NVML does not tell it ({error})"
        ) from None
    if not counters:
        raise NotApplicable("energy is not available on this machine: NVML lists no such GPU")
    return counters


def _handles(nvml: Any, number: int | None) -> list[tuple[int, Any]]:
    """Return the visible GPUs as CUDA counts them, or one of them. See `harness.machine.devices.gpus`."""
    every = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    by_uuid = {_text(nvml.nvmlDeviceGetUUID(handle)): handle for handle in every}
    all_gpus = tuple((uuid, Gpu(n, uuid, 0, "")) for n, uuid in enumerate(by_uuid))
    visible = select_gpus(all_gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return [(gpu.index, by_uuid[gpu.name]) for gpu in visible if number in (None, gpu.index)]


def _text(value: str | bytes) -> str:
    """Return what NVML says as text; its older bindings say bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _millijoules(nvml: Any, handle: Any) -> Callable[[], float]:
    return lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
