"""What of a process a job sets, and what a test in the same process must find as it was."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_before() -> Iterator[None]:
    """Leave torch and the generators as a job of its own process would: untouched."""
    import numpy
    import torch

    threads, fast = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    exact = torch.get_deterministic_debug_mode()
    state, legacy = random.getstate(), numpy.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("default")  # in a process of its own nothing makes errors of them
            yield
    finally:
        random.setstate(state)
        numpy.random.set_state(legacy)
        torch.set_deterministic_debug_mode(exact)
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.set_num_threads(threads)
