"""The device of a job: its threads, its determinism, its GPU."""

from __future__ import annotations

import os

import torch

from harness.errors import NotApplicable
from harness.execute.request import Request


def start_device(request: Request) -> torch.device:
    """Set up threads and determinism, and return the device of a job.

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
        torch.use_deterministic_algorithms(False)
        return torch.device("cuda", 0)  # the slot's GPU is the only one that the process sees
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cpu")


def warm_up() -> None:
    """Do once, before jobs are forked, what each of them would spend a second on: torch imports its
    compiler when it is told to be deterministic, and when an optimizer takes its first step.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)


def _visible() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")
