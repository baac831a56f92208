"""A batch of a given size to time or weigh a model with."""

from __future__ import annotations

import torch

from harness.api import DataError, MeasureContext


def take_batch(context: MeasureContext, batch_size: int) -> torch.Tensor:
    """Return ``(batch_size, *shape)`` real test examples, on the device, repeated where too few.

    Raises:
        DataError: The test split is empty.
    """
    for inputs, _, _ in context.split("test").batches(batch_size):
        if len(inputs) == 0:
            break
        index = torch.arange(batch_size, device=inputs.device) % len(inputs)
        return inputs[index].contiguous()
    raise DataError("the test split is empty; there is nothing to run a model on")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python says that an allocation failed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("can't allocate memory", "not enough memory", "CUDNN_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
