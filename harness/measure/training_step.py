"""A step of training to weigh: any model's, whatever its targets are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable

if TYPE_CHECKING:
    import torch

Autocast = Callable[[], AbstractContextManager[Any]]


def training_step(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    autocast: Autocast = contextlib.nullcontext,
) -> None:
    """Take a step of training whose cost is that of a real one, whatever the targets are.

    Forward and loss under `autocast`, backward, the optimizer's step; gradients are freed. The loss
    is the cross-entropy against class 0, or where there is one output its mean square. inputs: ``(batch, *shape)``.
    """
    import torch

    with autocast():
        outputs = model(inputs)
        flat = outputs.float().flatten(0, -2) if outputs.ndim > 2 else outputs.float()
        if flat.ndim == 2 and flat.shape[1] > 1:
            targets = torch.zeros(flat.shape[0], dtype=torch.long, device=flat.device)
            loss = torch.nn.functional.cross_entropy(flat, targets)
        else:
            loss = flat.square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def can_fuse(parameters: Iterable[torch.Tensor]) -> bool:
    """Return whether torch updates all of the parameters in one call (``fused``): floats on a CPU or CUDA, dense in memory.

    On a CPU that takes a third of the time for small models. It takes a parameter's numbers as they lie in memory, from the
    first on: of one that is a part of a larger tensor, or that repeats what it holds, it would write its neighbours.
    """
    import torch

    return all(
        one.device.type in ("cpu", "cuda")
        and one.is_floating_point()
        and torch.empty_like(one, device="meta").stride() == one.stride()  # it closes gaps
        for one in parameters
    )


def adamw_with_state(model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return AdamW over the trainable parameters with its state in place, as after a first step.

    Its rate is 0, so that it costs what it costs, and changes nothing.

    Raises:
        NotApplicable: The model has no trainable parameter.
    """
    import torch

    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise NotApplicable("the model has no trainable parameter, so there is no step of training")
    optimizer = torch.optim.AdamW(trainable, lr=0.0)
    for parameter in trainable:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer
