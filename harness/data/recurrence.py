"""Gradients through recurrent layers in evaluation mode, which cuDNN refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@contextmanager
def differentiable_recurrence(model: torch.nn.Module) -> Iterator[None]:
    """Switch cuDNN off meanwhile, if there is a GPU and the model has a recurrent layer.

    cuDNN's backward pass of a recurrent layer raises in evaluation mode; torch's own kernels do not.
    (torch.backends.cudnn.flags would also read the old TF32 flag, which raises where the new ones are set.)
    """
    import torch

    cudnn = torch.backends.cudnn
    modules = model.modules() if cudnn.enabled and torch.cuda.is_available() else ()
    off = any(isinstance(module, torch.nn.RNNBase) for module in modules)
    if off:
        cudnn.enabled = False
    try:
        yield
    finally:
        if off:
            cudnn.enabled = True
