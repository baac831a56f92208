"""What a job may have changed of the process that it ran in, put back for the one that follows in it."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

_Ways = tuple[
    tuple[Callable[[], Any], Callable[[Any], Any]], ...
]  # how each is read, and how it is set

_GENERATORS: _Ways = (
    (torch.get_rng_state, torch.set_rng_state),
    (np.random.get_state, np.random.set_state),
    (random.getstate, random.setstate),
)
# Torch's settings that change what is computed, and numpy's. Set where they were changed alone: to set a precision of
# products to what it is takes away that it was never set.
_SETTINGS: _Ways = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    (torch.get_default_device, lambda kept: _set_default_device(kept)),
    *(
        (partial(torch.is_autocast_enabled, kind), partial(torch.set_autocast_enabled, kind))
        for kind in ("cpu", "cuda")
    ),
    (lambda: list(sys.path), lambda kept: sys.path.__setitem__(slice(None), kept)),
    (np.geterr, lambda kept: np.seterr(**kept)),
    (os.getcwd, os.chdir),
)
_LIBRARIES = (
    (torch.backends.cudnn, ("enabled", "benchmark", "deterministic", "allow_tf32")),
    (torch.backends.mkldnn, ("enabled", "deterministic")),
)


@contextlib.contextmanager
def state_kept() -> Iterator[None]:
    """Put back, after the block, what it has changed of this process: draws, settings of torch and numpy, the environment.

    What warnings were shown in it are shown again. What it has left of memory is given back; modules that it imported stay.
    """
    drawn = [(put_back, read()) for read, put_back in _GENERATORS]
    kept = [(read, put_back, read()) for read, put_back in _SETTINGS]
    flags = [
        (library, name, getattr(library, name)) for library, names in _LIBRARIES for name in names
    ]
    environment = dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for put_back, value in drawn:
            put_back(value)
        for read, put_back, value in kept:
            if _is_other(read, value):
                put_back(value)
        for library, name, value in flags:
            if getattr(library, name) != value:
                setattr(library, name, value)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        gc.collect()
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()


def _is_other(read: Callable[[], Any], value: Any) -> bool:
    try:
        return bool(read() != value)
    except OSError:  # the folder is gone
        return True


def _set_default_device(kept: torch.device) -> None:
    # To set the CPU is more than to set none: each call is looked at then.
    torch.set_default_device(None if kept.type == "cpu" else kept)
