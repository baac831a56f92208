"""Running statistics of batch norms: held still in a pass that is no step, and taken anew for averaged weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms that keep running statistics."""
    found = (module for module in model.modules() if isinstance(module, _BatchNorm))
    return [module for module in found if module.track_running_stats]


@contextmanager
def held_still(model: nn.Module) -> Iterator[None]:
    """Have batch norms normalise as they do, and leave their running statistics as they are.

    They are put back: a momentum of 0 would keep them only while activations are finite, and in half precision a pass may overflow.
    """
    norms = [module for module in batch_norms(model) if module.training]
    kept = [
        (buffer, buffer.clone()) for module in norms for buffer in module.buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for buffer, before in kept:
            buffer.copy_(before)


@torch.no_grad()
def take_anew(model: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Take the running statistics over batches of inputs ``(batch, *shape)``: the mean of the batches' own.

    Izmailov et al. 2018, section 3.2 (torch's `update_bn`). Other modules are in evaluation mode meanwhile, and all modes are as before.
    In a model of which parts are frozen, norms without a parameter that is trained keep theirs, as in its training.
    """
    whole = all(parameter.requires_grad for parameter in model.parameters())
    norms = [
        norm
        for norm in batch_norms(model)
        if whole or any(p.requires_grad for p in norm.parameters())
    ]
    if not norms:
        return
    modes = [(module, module.training) for module in model.modules()]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
        norm.momentum = None  # a plain mean
    for batch in inputs:
        model(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for module, mode in modes:
        module.training = mode
