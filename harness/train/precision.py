"""The precision of arithmetic: "fp32", "bf16" or "fp16"."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

_AS_IT_IS = contextlib.nullcontext()


def autocast(device: torch.device, precision: str) -> Any:
    """Return a context manager for a precision."""
    if precision == "fp32":
        return _AS_IT_IS
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype=dtype)
