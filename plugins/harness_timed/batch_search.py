"""Which batch sizes to measure: the largest that fits, the knee, and going on where one does not fit."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from harness.api import MeasureContext, Metric
from harness.api.measuring import is_out_of_memory

LARGEST = 65_536  # examples, the cap of the search
KNEE_SHARE = 0.95  # of the best throughput


@dataclass(frozen=True)
class Largest:
    """The largest batch that was found to fit, and what ended the search.

    limit: "memory" (a larger one ran out of it), "memory cap" (a larger one would pass the memory
    that the search may use), "time" (a call became too long) or "cap".
    """

    batch_size: int
    limit: str

    @property
    def powers(self) -> list[int]:
        """The powers of two that fit, ascending."""
        return [1 << n for n in range(self.batch_size.bit_length())]


def find_largest(
    try_call: Callable[[int], float], *, seconds: float, memory_cap: int | None = None
) -> Largest:
    """Double the batch size until it does not fit; where memory ran out, narrow it down to 1/16.

    try_call(batch size) -> seconds of a call; it raises where memory runs out. A call of more than
    `seconds` ends the search, if it takes so long once more: a neighbour may have held it up. memory_cap: the most examples that are tried, where memory that the
    system lends but does not have must not be asked for.

    Raises:
        Exception: What `try_call` raises for a single example, or what is not about memory.
    """
    cap = LARGEST if memory_cap is None else max(1, min(LARGEST, memory_cap))

    def try_twice(batch_size: int) -> float:
        took = try_call(batch_size)
        return took if took <= seconds else try_call(batch_size)

    took, fits = try_twice(1), 1
    while took <= seconds:
        if 2 * fits > cap:
            return Largest(fits, "cap" if cap == LARGEST else "memory cap")
        try:
            took = try_twice(2 * fits)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            release(error)
            return Largest(_narrow(try_call, fits, 2 * fits), "memory")
        fits *= 2
    return Largest(fits, "time")


def _narrow(try_call: Callable[[int], float], fits: int, too_large: int) -> int:
    while too_large - fits > max(1, fits // 16):
        middle = (fits + too_large) // 2
        try:
            try_call(middle)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            release(error)
            too_large = middle
        else:
            fits = middle
    return fits


def find_knee(throughputs: Mapping[int, float], share: float = KNEE_SHARE) -> int:
    """Return the smallest batch size whose throughput is at least `share` of the best one."""
    best = max(throughputs.values())
    return min(size for size, value in throughputs.items() if value >= share * best)


def timed_once(call: Callable[[], object], wait: Callable[[], None]) -> float:
    """Return the seconds of a second call; the first one loads what is loaded once."""
    call()
    wait()
    start = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - start


def each_that_fits(
    sizes: Sequence[int],
    measure: Callable[[int], Iterable[Metric]],
    where: Mapping[str, object],
) -> Iterator[Metric]:
    """Yield the metrics of each batch size; `out_of_memory` for one that does not fit.

    Raises:
        Exception: None of them fits: the last error; or an error that is not about memory.
    """
    fitted, failure = 0, None
    for batch_size in sizes:
        try:
            metrics = list(measure(batch_size))
            fitted += 1
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = error
            release(error)
            held = {"batch_size": batch_size, **where}
            metrics = [Metric(name="out_of_memory", value=1.0, exact=True, where=held)]
        yield from metrics
    if not fitted and failure is not None:
        raise failure


def release(error: BaseException) -> None:
    """Let go of the tensors that an error's frames hold, and of the allocator's cache."""
    traceback.clear_frames(error.__traceback__)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def memory_for_search(context: MeasureContext, total: int) -> int | None:
    """Return the bytes that a search may ask for: half of a CPU's memory, and all of a GPU's (None).

    A GPU's allocator says when it has no more. An operating system lends more than it has, and then
    ends a process.
    """
    return None if context.device.type == "cuda" or not total else total // 2
