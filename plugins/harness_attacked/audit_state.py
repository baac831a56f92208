"""Looking at a model without leaving a trace, and at its gradients."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import differentiable_recurrence
from harness_attacked.attacked_model import AttackedModel


@contextlib.contextmanager
def untouched(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Put back what forward passes change: modes, buffers and the global generators.

    A batch norm in training mode writes its statistics, and a model may draw from any generator.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module, _ in modes
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    generators = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                module._buffers[name] = buffer
                if not torch.equal(buffer, before):
                    buffer.copy_(before)


def evaluate_all(model: nn.Module) -> list[str]:
    """Put every module into evaluation mode, even one whose `eval` does not; name those that were not.

    To be called within `untouched`.
    """
    found = [module for module in model.modules() if module.training]
    for module in found:
        module.training = False
    return [type(module).__name__ for module in found if not list(module.children())]


def ask(attacked: AttackedModel, points: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return float logits ``(batch, classes)``, and the gradient ``(batch, *shape)`` that attacks follow.

    It is that of log(sum of exp(z_i), i not y) - z_y, which does not vanish where softmax saturates. It is
    zero where the output does not depend on the input in autograd's eyes.
    """
    logits, gradients = [], []
    for part, classes in zip(
        torch.split(points, attacked.batch_size),
        torch.split(targets, attacked.batch_size),
        strict=True,
    ):
        leaf = part.detach().requires_grad_()
        with torch.enable_grad(), differentiable_recurrence(attacked.model):
            outputs = attacked.seen(leaf)
            found = outputs.detach().float()
            gradient = torch.zeros_like(part)
            if outputs.requires_grad:
                slope = _slope(found, classes).to(outputs.dtype)
                given = torch.autograd.grad(outputs, leaf, slope, allow_unused=True)[0]
                gradient = gradient if given is None else given
        logits.append(found)
        gradients.append(gradient)
    return torch.cat(logits), torch.cat(gradients)


def _slope(logits: Tensor, targets: Tensor) -> Tensor:
    index = targets.long()[:, None]
    slope: Tensor = torch.softmax(logits.scatter(1, index, -torch.inf), 1)
    return slope.scatter_(1, index, -1.0)
