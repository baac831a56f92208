"""Batch norm over the examples of all processes, not each one's own.

torch's `SyncBatchNorm` does not compute on CPUs, and its `convert_sync_batchnorm` takes the place of layers derived from
batch norm and loses what they do besides (timm's `BatchNormAct2d` its activation). Here it is the function below all of these
layers, `torch.nn.functional.batch_norm`, that is another one as long as a model trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class SyncedBatchNorm(TorchFunctionMode):
    """As long as it is entered, batch norms in training take mean and variance over all processes.

    counts: whether this process's examples are among those that count.
    """

    def __init__(self, counts: bool = True) -> None:
        """Take whether this process's examples count."""
        super().__init__()
        self.counts = counts

    def __torch_function__(
        self,
        called: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        if called is functional.batch_norm:
            return self.batch_norm(*args, **(kwargs or {}))
        return called(*args, **(kwargs or {}))

    def batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalise ``(batch, channels, ...)``; see `torch.nn.functional.batch_norm`.

        Ioffe & Szegedy 2015, algorithm 1, with its sums over the examples of all processes. Running variances are of the
        unbiased estimate, as torch's are. Sums are in float32 or more.
        """
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, training, momentum, eps
            )
        values = input if input.dtype == torch.float64 else input.float()
        axes = [axis for axis in range(values.dim()) if axis != 1]
        shape = [1, -1, *[1] * (values.dim() - 2)]
        share = float(self.counts)
        number = values.new_tensor([share * values.numel() / values.shape[1]])
        sums = _over_ranks(torch.cat([share * values.sum(axes), number]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = values - mean.view(shape)
        variance = _over_ranks(share * centred.square().sum(axes)) / count
        with torch.no_grad():
            if running_mean is not None and running_var is not None:
                unbiased = variance * (count / (count - 1).clamp_min(1))
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        found = centred * (variance + eps).rsqrt().view(shape)
        if weight is not None:
            found = found * weight.view(shape)
        if bias is not None:
            found = found + bias.view(shape)
        return found.to(input.dtype)


class _SumOverRanks(torch.autograd.Function):
    """The sum of a tensor over all processes; so is its gradient, as each one's loss depends on all of them."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Any:
        return _over_ranks(gradients[0].contiguous())


def _over_ranks(own: Tensor) -> Tensor:
    total: Tensor = _SumOverRanks.apply(own)  # type: ignore[no-untyped-call]
    return total
