"""Which library multiplies matrices on a CPU: oneDNN where MKL, which torch takes, does it with the older kernels."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Literal


@lru_cache(maxsize=1)
def onednn_is_faster() -> bool:
    """Whether the machine is one of those whose products of float32 matrices oneDNN computes in about half of MKL's time.

    It is asked what it is, never how fast it was just now, so that a run repeated on it has the same bits. torch multiplies
    through MKL, which takes its AVX-512 kernels on Intel's CPUs alone; on others that have AVX-512 it takes those for
    AVX2. oneDNN, in the same wheels of torch, asks for the instructions and not for the maker. On an AMD EPYC of family 26 a core
    reaches 105 GFLOP/s by MKL and 215 by oneDNN (`tests/evidence/README.md`).
    """
    import torch

    from harness.machine.devices import cpu_vendor

    if platform.machine() not in ("x86_64", "AMD64") or cpu_vendor() in ("", "GenuineIntel"):
        return False
    has_both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_both and torch.backends.cpu.get_cpu_capability().startswith("AVX512")


@contextmanager
def onednn_products(what: Literal["fit", "search", "answers"]) -> Iterator[None]:
    """Have oneDNN multiply meanwhile where `torch.nn.functional.linear` is called, where the machine and the sizes are such that it gains.

    Models stay as they are: what looks at their parts, traces or transforms them finds torch's own layers. Never for what is timed.

    what: a fit, and a search of inputs that a model is asked about again, differ by rounding; answers, and gradients of what gives
    them, have the bits that they have without.
    """
    if not onednn_is_faster():
        yield
        return
    from torch.nn import functional

    from harness.machine.onednn_linear import Rule, linear_of

    rule = Rule(same_bits=what == "answers", fixed_sizes=what == "fit")
    before = functional.linear
    functional.linear = linear_of(rule)  # type: ignore[assignment]
    try:
        yield
    finally:
        functional.linear = before
