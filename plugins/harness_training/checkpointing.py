"""`checkpointing`: keep no activations inside blocks, and compute them again for the gradient."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from harness.api.training import TrainingHooks
from harness_training.blocks import blocks_of
from harness_training.running_statistics import held_still


class Checkpointing(TrainingHooks):
    """Chen, Xu, Zhang & Guestrin 2016, "Training deep nets with sublinear memory cost": memory for the inputs of blocks alone, at the
    price of a second forward pass.

    The gradient is the same: random numbers are those of the first pass, and running statistics are moved by it alone.
    """

    def prepare(self, model: nn.Module) -> None:
        """Have the blocks of a network that are entries of a list compute again."""
        parts = dict(model.named_modules())
        names = blocks_of(name.rpartition(".")[0] for name, _ in model.named_parameters())
        listed = [name for name in names if name.rpartition(".")[2].isdigit()]
        self.blocks = [(parts[name], type(parts[name])) for name in listed]
        for block, kind in self.blocks:
            block.__class__ = type(kind.__name__, (_Checkpointed, kind), {})

    def finish(self, model: nn.Module) -> None:
        """Give the blocks their own class back."""
        for block, kind in self.blocks:
            block.__class__ = kind


class _Checkpointed(nn.Module):
    """A block that is computed again for its gradient."""

    def forward(self, *inputs: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return super().forward(*inputs, **named)
        return checkpoint(
            super().forward,
            *inputs,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), held_still(self)),
            **named,
        )
