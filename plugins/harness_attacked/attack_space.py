"""Where attacks take place: data space for images and texts; for sequences and tables, each feature's own scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import MeasureContext, TextCode


@dataclass(frozen=True)
class Space:
    """A box [low, high] in which one epsilon means the same for every coordinate.

    offset, scale: ``(features,)`` or ``()``, such that data = offset + scale * point; None: points are data. A feature
    that never varies has the scale 0, so that no attack can move it. text: how points are texts, where they are.
    """

    low: float
    high: float
    offset: Tensor | None = None
    scale: Tensor | None = None
    text: TextCode | None = None

    def encode(self, data: Tensor) -> Tensor:
        """Return the points ``(batch, *shape)`` of data, brought into the box."""
        if not data.is_floating_point():  # numbers of things, all of which are in it
            return data
        if self.offset is None or self.scale is None:
            return data.clamp(self.low, self.high)
        width = torch.where(self.scale > 0, self.scale, torch.ones_like(self.scale))
        return ((data - self.offset) / width).clamp(self.low, self.high)

    def decode(self, points: Tensor) -> Tensor:
        """Return the data ``(batch, *shape)`` of points; differentiable."""
        if self.offset is None or self.scale is None:
            return points
        return self.offset + self.scale * points

    def drawn_in(self, share: float) -> Space:
        """Return a space in whose box points stand for those that are a share of its width further inside."""
        kept = 1 - 2 * share
        shift = self.low + share * (self.high - self.low) - kept * self.low
        offset = torch.zeros(()) if self.offset is None else self.offset
        scale = torch.ones(()) if self.scale is None else self.scale
        return Space(self.low, self.high, offset + scale * shift, scale * kept)


def find_space(context: MeasureContext) -> Space:
    """Return data space with the task's range for images and numbers of things, else the unit cube of the features' ranges.

    A feature's range is that of the training and test examples (of a sequence: at any time), so an
    epsilon of 0.1 is a tenth of what each feature varies by.
    """
    task = context.task
    if task.modality_item.fixed_range or task.modality_item.input_type != "float32":
        return Space(task.low, task.high, text=task.text)
    least, most = [], []
    for split in ("train", "test"):
        if split == "train" and not task.counts.get("train"):
            continue
        for inputs, _, _ in context.split(split).batches(4096):
            if len(inputs):
                rows = inputs.reshape(-1, inputs.shape[-1])
                least.append(rows.amin(0))
                most.append(rows.amax(0))
    low, high = torch.stack(least).amin(0), torch.stack(most).amax(0)
    return Space(0.0, 1.0, low, high - low)


class InSpace(nn.Module):
    """A model that takes points of a space: ``(batch, *shape)`` to logits ``(batch, classes)``."""

    def __init__(self, model: nn.Module, space: Space) -> None:
        """Take the model, in the mode that it is in."""
        super().__init__()
        self.model, self.space = model, space
        self.training = model.training

    def forward(self, points: Tensor) -> Tensor:
        """Return the model's logits."""
        logits: Tensor = self.model(self.space.decode(points))
        return logits
