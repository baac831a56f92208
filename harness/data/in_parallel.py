"""A function of many things, computed on several threads, its answers in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from harness.machine.devices import cpu_count

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # things a worker, that are begun before the first of them is asked for


def in_parallel(
    function: Callable[[T], R], things: Iterable[T], workers: int | None = None
) -> Iterator[R]:
    """Yield the function of each thing, in their order, whatever the number of workers.

    For functions that leave Python's lock alone most of the time, as reading, decoding and hashing do. What is ahead of the
    caller is bounded: at most `AHEAD` answers a worker.

    workers: threads; 0 computes here, when an answer is asked for; None: one for each core that this process may use, 0 of one.
    """
    if workers is None:
        workers = cpu_count() if cpu_count() > 1 else 0
    if not workers:
        yield from map(function, things)
        return
    rest = iter(things)
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for thing in islice(rest, AHEAD * workers):
                waiting.append(pool.submit(function, thing))
            while waiting:
                found = waiting.popleft().result()
                for thing in islice(rest, 1):
                    waiting.append(pool.submit(function, thing))
                yield found
        finally:
            for one in waiting:
                one.cancel()
