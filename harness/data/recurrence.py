"""Gradients through recurrent layers in evaluation mode, which cuDNN refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@contextmanager
def differentiable_recurrence(model: torch.nn.Module) -> Iterator[None]:
    """Switch cuDNN off meanwhile, if the model is on a GPU and has a recurrent layer.

    cuDNN's backward pass of a recurrent layer raises in evaluation mode; torch's own kernels do not.
    """
    import torch

    modules = model.modules() if torch.backends.cudnn.enabled and torch.cuda.is_available() else ()
    if any(isinstance(module, torch.nn.RNNBase) for module in modules):
        with torch.backends.cudnn.flags(enabled=False):
            yield
    else:
        yield
