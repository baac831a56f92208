"""What an error in a pass means."""

from __future__ import annotations

import pytest
import torch

from harness.errors import OutOfMemory
from harness.measure.execution import is_out_of_memory


class Silent(RuntimeError):
    """An error whose message cannot be had."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (OutOfMemory("of one of several processes"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
        (Silent(), False),
    ],
)
def test_which_errors_are_of_memory(error: BaseException, memory: bool) -> None:
    assert is_out_of_memory(error) is memory
