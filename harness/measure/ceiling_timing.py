"""Times products of matrices and copies of arrays, for the ceilings of a machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.catalogue.counts import counted
from harness.machine.ceilings import (
    COPY,
    MATRIX,
    Ceiling,
    Ceilings,
    hardware_name,
    require_writable,
    save_ceilings,
)
from harness.machine.devices import cpu_count, total_memory
from harness.machine.doctor import ceiling_devices
from harness.machine.environment import describe_machine
from harness.machine.matrix_products import onednn_is_faster
from harness.measure.timing import Timing, synchroniser, time_calls

if TYPE_CHECKING:
    import torch

ROUNDS = 3  # over all rates; the fastest counts
CPU_SIDES = (256, 512, 1024, 1536, 2048)
CUDA_SIDES = (1024, 2048, 4096, 8192)
CPU_PRECISIONS = ("fp32", "bf16")
CUDA_PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
LONGEST_CALL = 0.05  # seconds; larger matrices are not tried (bf16 without instructions for it)
BLOCK_SECONDS = 0.01  # on CUDA: so long that launching does not count
CACHES = 8  # an array of a copy is that many times the last-level cache
LEAST_ARRAY = 2**27  # bytes
MEMORY_SHARE = 1 / 16  # of the device's memory, at most, for one of the two arrays

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class _Part:
    kind: str
    precision: str
    threads: int | None

    @property
    def words(self) -> str:
        what = "copy" if self.kind == COPY else f"{self.precision} matrix products"
        if self.threads is None:
            return what
        return f"{what}, {counted(self.threads, 'thread')}"


def measure_machine(
    say: Callable[[str], None] = lambda words: None, *, seconds: float = 1.0
) -> dict[str, Ceilings]:
    """Measure the ceilings of each device, keep them, and return them by device.

    say: hears what is measured, a line a part. seconds: about half of what a rate takes.

    Raises:
        OSError: The user's cache folder cannot be written.
    """
    found = {}
    machine = describe_machine()
    for device in ceiling_devices():
        require_writable(device, machine)  # before the minutes that measuring takes

        def report(part: int, parts: int, words: str, device: str = device) -> None:
            say(f"{device} [{part}/{parts}] {words}")

        name = hardware_name(device, machine)
        found[device] = measure_ceilings(device, name, seconds=seconds, report=report)
        save_ceilings(found[device], device, machine)
    return found


def measure_ceilings(
    device: str,
    hardware: str,
    *,
    seconds: float = 1.0,
    report: Report = lambda part, parts, words: None,
    sides: tuple[int, ...] | None = None,
    array_bytes: int | None = None,
) -> Ceilings:
    """Time what `device` ("cpu", "cuda:0") reaches, for about 1.5 x `seconds` a rate and round.

    Products are of square matrices of which the best of a few sizes counts; on a CPU in fp32, by oneDNN where torch's MKL has
    older kernels, and bf16, on CUDA in fp32, TF32, bf16 and fp16. A copy is STREAM's (McCalpin 1995): the bytes that are
    read and those that are written count, what a cache fetches before it is written does not. A CPU
    is measured with one thread and with all usable cores; torch's settings are put back.

    All rates are taken in turn, three times over, and the fastest median counts, as in STREAM: what
    disturbs a machine makes it slower, and a ceiling that is too low would flatter every model.

    hardware: the device's name, kept with the figures. report(part, parts, words) is called before each
    part. sides: n of the matrices, ascending. array_bytes: of each array of a copy; default: so
    large that no cache holds it.
    """
    import torch

    on_cpu = device == "cpu"
    threads = sorted({1, cpu_count()}) if on_cpu else [None]
    precisions = CPU_PRECISIONS if on_cpu else CUDA_PRECISIONS
    parts = [_Part(MATRIX, name, count) for name in precisions for count in threads]
    parts += [_Part(COPY, "", count) for count in threads]
    candidates = sides or (CPU_SIDES if on_cpu else CUDA_SIDES)
    best: dict[_Part, Ceiling] = {}
    before = torch.get_num_threads()
    try:
        for place, part in enumerate(parts * ROUNDS):
            report(place + 1, len(parts) * ROUNDS, part.words)
            if part.threads is not None:
                torch.set_num_threads(part.threads)
            known = best.get(part)
            if part.kind == COPY:
                found = _copy(device, part, seconds, array_bytes or _array_bytes(device))
            else:
                found = _matrix(device, part, seconds, (known.size,) if known else candidates)
            if known is None or found.value > known.value:
                best[part] = found
    finally:
        torch.set_num_threads(before)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return Ceilings(hardware=hardware, measured=moment, rates=tuple(best[part] for part in parts))


def _matrix(device: str, part: _Part, seconds: float, sides: tuple[int, ...]) -> Ceiling:
    """Time products of the side that is the fastest in FLOP/s; `sides` are tried while short."""
    import torch

    wait = synchroniser(device)
    with _held_to(part.precision) as dtype, torch.inference_mode():
        best, best_rate, pace = sides[0], 0.0, 0.0
        for side in sides if len(sides) > 1 else ():
            if pace * side**3 > LONGEST_CALL:  # a call would take that long
                break
            call = _product(device, side, dtype)
            took = min(_once(call, wait) for _ in range(4))  # the first is a warm-up
            pace = took / side**3
            if 2 * side**3 / took > best_rate:
                best, best_rate = side, 2 * side**3 / took
        timing = _time(_product(device, best, dtype), device, seconds, wait)
    return _ceiling(part, timing, 2.0 * best**3, best)


def _copy(device: str, part: _Part, seconds: float, size: int) -> Ceiling:
    import torch

    with torch.inference_mode():
        source = torch.ones(max(1, size // 4), device=device)
        target = torch.zeros_like(source)
        timing = _time(lambda: target.copy_(source), device, seconds, synchroniser(device))
    return _ceiling(part, timing, 2.0 * source.nbytes, source.nbytes)


def _time(
    call: Callable[[], object], device: str, seconds: float, wait: Callable[[], None]
) -> Timing:
    calls = 1
    if device != "cpu":
        took = min(_once(call, wait) for _ in range(3))
        calls = max(1, round(BLOCK_SECONDS / took))
    return time_calls(call, seconds=seconds, calls_per_block=calls, device=device, synchronise=wait)


def _once(call: Callable[[], object], wait: Callable[[], None]) -> float:
    wait()
    start = time.perf_counter()
    call()
    wait()
    return max(time.perf_counter() - start, 1e-9)


def _product(device: str, side: int, dtype: torch.dtype) -> Callable[[], object]:
    import torch

    draws = torch.Generator().manual_seed(side)  # the global generator is left alone
    one, other = (
        torch.randn((side, side), generator=draws).to(device=device, dtype=dtype) for _ in range(2)
    )
    if device == "cpu" and dtype == torch.float32 and onednn_is_faster():
        # Convolutions go there whatever torch multiplies by, and would exceed the other's rate.
        from harness.machine.onednn_linear import product

        return lambda: product(one, other, None)
    found = torch.empty_like(one)
    return lambda: torch.mm(one, other, out=found)


@contextlib.contextmanager
def _held_to(precision: str) -> Iterator[torch.dtype]:
    """Yield the type of numbers, and hold CUDA's products in fp32 to IEEE or TF32 meanwhile."""
    import torch

    settings = torch.backends.cuda.matmul
    before = settings.fp32_precision
    settings.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        types = {"bf16": torch.bfloat16, "fp16": torch.float16}
        yield types.get(precision, torch.float32)
    finally:
        settings.fp32_precision = before


def _ceiling(part: _Part, timing: Timing, work: float, size: int) -> Ceiling:
    """Return the rate of `work` (FLOPs or bytes) a call."""
    low, high = timing.interval or (None, None)
    return Ceiling(
        kind=part.kind,
        precision=part.precision,
        threads=part.threads,
        value=work / timing.median,
        low=None if high is None else work / high,
        high=None if low is None else work / low,
        n=len(timing.samples),
        size=size,
        flag="; ".join(timing.flags),
    )


def _array_bytes(device: str) -> int:
    """Return the size of an array that no cache holds, and that there is memory for."""
    import torch

    if device == "cpu":
        wanted, memory = max(LEAST_ARRAY, CACHES * _last_level_cache()), total_memory()
    else:
        wanted = 2**30
        memory = torch.cuda.get_device_properties(device).total_memory
    return min(wanted, int(memory * MEMORY_SHARE)) if memory else wanted


def _last_level_cache() -> int:
    """Return the bytes of the largest cache of a core; 0 where the kernel does not say."""
    largest = 0
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="ascii").strip()
            number, factor = text[:-1], {"K": 2**10, "M": 2**20}.get(text[-1:], 0)
            largest = max(largest, int(number) * factor if number.isdigit() else 0)
    return largest
