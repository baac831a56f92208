"""A model that is trained by several processes: their gradients are averaged by torch's DistributedDataParallel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from harness.errors import HarnessError
from harness.measure.model_copy import copy_model
from harness.train.ranks import Ranks
from harness.train.synced_batch_norm import SyncedBatchNorm

# Of the sum of all weights' sizes, by which the sums of two processes' weights may differ.
_APART = 1e-6


class Together:
    """How one model is trained here: alone, which changes nothing, or with other processes."""

    def __init__(
        self, model: nn.Module, ranks: Ranks, wrapped: DistributedDataParallel | None, synced: bool
    ) -> None:
        """Take the model, and what averages its gradients; synced: whether batch norms are over all processes."""
        self.model, self.ranks, self.wrapped, self.synced = model, ranks, wrapped, synced

    def computing(self, counts: bool, last: bool) -> AbstractContextManager[Any]:
        """Return a context for the loss of a part of a batch and for its gradient.

        counts: whether its examples count. last: whether it is the batch's last part; until then gradients are added up in
        each process.
        """
        if self.wrapped is None:
            return nullcontext()
        return self._computing(self.wrapped, counts, last)

    @contextmanager
    def _computing(
        self, wrapped: DistributedDataParallel, counts: bool, last: bool
    ) -> Iterator[None]:
        with (
            SyncedBatchNorm(counts) if self.synced else nullcontext(),
            nullcontext() if last else wrapped.no_sync(),
        ):
            yield

    def agree(self, epoch: int) -> None:
        """Give all processes the running statistics of the first, and see that their weights are the same.

        Raises:
            HarnessError: They are not.
        """
        if self.ranks.count == 1:
            return
        with torch.no_grad():
            for buffer in self.model.buffers():
                sent = buffer.byte() if buffer.dtype == torch.bool else buffer.contiguous()
                dist.broadcast(sent, 0)
                buffer.copy_(sent)
            weights = [p.detach().double() for p in self.model.parameters()]
            mine = [
                float(sum(w.sum() for w in weights)),
                float(sum(w.abs().sum() for w in weights)),
            ]
        everybodys = self.ranks.everybodys(mine)
        (first, size), *others = everybodys
        apart = max(abs(total - first) for total, _ in others)
        if math.isfinite(first) and not apart <= _APART * size:
            raise HarnessError(
                f"after epoch {epoch} the {self.ranks.count} devices hold different weights (their sums differ by "
                f"{apart:.3g}): what the model or its optimizer does differs from device to device, such as parameters that "
                "only some steps use. Write devices = 1 in the recipe"
            )


@contextmanager
def trained_together(
    model: nn.Module,
    ranks: Ranks,
    loss: Callable[[nn.Module], Tensor],
    synced: bool = False,
) -> Iterator[Together]:
    """Make calls of a model with gradients go through DistributedDataParallel, so that these are averaged over all ranks.

    The model stays itself: who is given it may look into it, trace it, or hook its parts. Parameters start as the first rank's.

    loss(model) -> that of a few examples, for a copy: what it gives no gradient is not waited for. synced: batch norms
    are over all ranks.
    """
    if ranks.count == 1:
        yield Together(model, ranks, None, synced=False)
        return
    unused = _without_gradient(model, loss)
    plain, device = model.forward, next(model.parameters()).device
    averaged = [p for name, p in model.named_parameters() if p.requires_grad and name not in unused]
    wrapped = DistributedDataParallel(
        _Averaged(averaged, plain),
        device_ids=[device] if device.type == "cuda" else None,
        gradient_as_bucket_view=True,
    )

    def forward(inputs: Any) -> Any:
        # What reads a network as a graph gives it no tensor.
        if torch.is_grad_enabled() and isinstance(inputs, Tensor):
            return wrapped(inputs)
        return plain(inputs)

    model.forward = forward
    try:
        yield Together(model, ranks, wrapped, synced)
    finally:
        del model.forward


def _without_gradient(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> set[str]:
    """Return the names of the parameters that a loss gives no gradient."""
    copied = copy_model(model)
    device = next(model.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        loss(copied).backward()  # type: ignore[no-untyped-call]
    return {name for name, parameter in copied.named_parameters() if parameter.grad is None}


class _Averaged(nn.Module):
    """A model as DistributedDataParallel has it: the parameters to average gradients of, and its forward pass.

    It has no buffers: sent before each pass, they would spoil the gradient of another pass of the step.
    """

    def __init__(self, averaged: list[nn.Parameter], forward: Callable[..., Any]) -> None:
        super().__init__()
        self.averaged, self.plain = nn.ParameterList(averaged), forward

    def forward(self, inputs: Tensor) -> Any:
        return self.plain(inputs)
