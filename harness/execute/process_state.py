"""What a job may have changed of the process that it ran in, put back for the one that follows in it."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

# (how it is read, how it is set) of each: torch's settings that change what is computed, and numpy's.
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_rng_state, torch.set_rng_state),
    (np.random.get_state, np.random.set_state),
    (random.getstate, random.setstate),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    (np.geterr, lambda kept: np.seterr(**kept)),
    (os.getcwd, os.chdir),
)
_CUDNN = ("enabled", "benchmark", "deterministic", "allow_tf32")


@contextlib.contextmanager
def state_kept() -> Iterator[None]:
    """Put back, after the block, what it has changed of this process: draws, settings of torch and numpy, the environment.

    What warnings were shown in it are shown again. What it has left of memory is given back; modules that it imported stay.
    """
    kept = [(put_back, read()) for read, put_back in _SETTINGS]
    cudnn = {name: getattr(torch.backends.cudnn, name) for name in _CUDNN}
    environment = dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for put_back, value in kept:
            put_back(value)
        for name, value in cudnn.items():
            if getattr(torch.backends.cudnn, name) != value:
                setattr(torch.backends.cudnn, name, value)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        gc.collect()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
