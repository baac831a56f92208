"""Being alone on a device, for what is timed outside of a run's own jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from harness.execute.device_locks import DeviceLocks
from harness.execute.places import LocalPlaces
from harness.execute.progress import wait_words
from harness.execute.waits import Waits

_LOOK_SECONDS = 0.3  # between looks at a device that another run holds


@contextmanager
def alone_on(
    device: str, label: str, locks: DeviceLocks, report: Callable[[str], None]
) -> Iterator[None]:
    """Hold a device's lock meanwhile; wait for it, and say for what where that takes a moment."""
    waits = Waits("")
    while not locks.acquire(device, True, label):
        if event := waits.look([locks.words(device)]):
            report(wait_words(event))
        time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        locks.release(device, label)


@contextmanager
def alone_on_machine(label: str, whose: str, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the locks of the CPU and of all visible GPUs meanwhile. label and whose: told to who waits."""
    places = LocalPlaces(1, 1)
    with ExitStack() as stack:
        locks = DeviceLocks(whose)
        stack.callback(locks.close)
        for place in (*places.free("cpu", exclusive=True), *places.free("cuda")):
            stack.enter_context(alone_on(place.device, label, locks, report))
        yield
