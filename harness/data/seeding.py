"""Seeding torch's own generators, as cheaply as can be: it is done for each job and each look at a gradient."""

from __future__ import annotations

import torch


def seed_generators(seed: int) -> None:
    """Seed the generators of the CPU and of all GPUs, as `torch.manual_seed` does.

    That also writes down, for each library of devices that is not in use, from where it was called: three stacks of
    calls, a millisecond or more. A torch that was built without GPUs has the CPU's generator alone.
    """
    if torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
