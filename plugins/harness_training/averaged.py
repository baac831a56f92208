"""An average of a model's weights, and of what it keeps beside them, that can take their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.api.training import Fitting, TrainingHooks


class Averaged(TrainingHooks):
    """Holds an average of the trained weights and of all real-valued buffers; evaluates and keeps it."""

    def begin(self, fitting: Fitting) -> None:
        """Begin with the first weights."""
        self.model = fitting.model
        self.weights = [p for p in fitting.model.parameters() if p.requires_grad]
        self.mean = [value.detach().clone() for value in self.values()]
        self.kept: list[Tensor] = []

    def values(self) -> list[Tensor]:
        """Return what is averaged: parameters are the same all along, buffers may be replaced."""
        return [*self.weights, *_real_buffers(self.model)]

    @torch.no_grad()
    def move(self, share: float) -> None:
        """Go a share of the way from the average to what there is now."""
        torch._foreach_lerp_(self.mean, [value.detach() for value in self.values()], share)

    @torch.no_grad()
    def average(self) -> None:
        """Put the average in; what was there is kept, counts of batches too."""
        self.kept = [value.detach().clone() for value in self._found()]
        for value, mean in zip(self.values(), self.mean, strict=True):
            value.copy_(mean)

    @torch.no_grad()
    def resume(self) -> None:
        """Put back what was there."""
        for value, kept in zip(self._found(), self.kept, strict=True):
            value.copy_(kept)
        self.kept = []

    def _found(self) -> list[Tensor]:
        return [*self.weights, *self.model.buffers()]

    def state(self) -> dict[str, Any]:
        """Return the average."""
        return {"mean": self.mean}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take an average."""
        for mean, value in zip(self.mean, state["mean"], strict=True):
            mean.copy_(value)


def _real_buffers(model: nn.Module) -> list[Tensor]:
    return [buffer for buffer in model.buffers() if buffer.is_floating_point()]
