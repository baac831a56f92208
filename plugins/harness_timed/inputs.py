"""A batch of a given size to time or weigh a model with."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api import DataError, MeasureContext


def take_batch(context: MeasureContext, batch_size: int) -> Tensor:
    """Return ``(batch_size, *shape)`` real test examples, on the device, repeated where too few.

    Raises:
        DataError: The test split is empty.
    """
    return take_examples(context, batch_size)[0]


def take_examples(context: MeasureContext, batch_size: int) -> tuple[Tensor, Tensor]:
    """Return such a batch with its targets.

    Raises:
        DataError: The test split is empty.
    """
    for inputs, targets, _ in context.split("test").batches(batch_size):
        if len(inputs) == 0:
            break
        index = torch.arange(batch_size, device=inputs.device) % len(inputs)
        return inputs[index].contiguous(), targets[index]
    raise DataError("the test split is empty; there is nothing to run a model on")
