"""The device of a job: its threads, its determinism, its GPU."""

from __future__ import annotations

import os

import torch

from harness.errors import NotApplicable
from harness.execute.request import Request


def start_device(request: Request, rank: int = 0) -> torch.device:
    """Set up threads and determinism, and return the device of a job.

    rank: which of the processes of a fit this is.

    Transformer encoders compute what they say, with gradients and without: see `harness.measure.fast_path`.
    """
    torch.set_num_threads(request.job.threads)
    torch.backends.mha.set_fastpath_enabled(False)
    if request.job.device == "cuda":
        if not torch.cuda.is_available():
            raise NotApplicable(
                "this torch cannot use CUDA "
                f"(torch {torch.__version__}, CUDA_VISIBLE_DEVICES={_visible()!r})"
            )
        torch.set_deterministic_debug_mode("default")
        return torch.device("cuda", rank)  # no GPUs but the slot's are known to the process
    torch.set_deterministic_debug_mode("warn")  # the other way of saying it imports the compiler
    return torch.device("cpu")


def _visible() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")
