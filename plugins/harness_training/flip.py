"""`flip`: mirror images left to right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.api import Draws
from harness_training.options import FlipOptions


def build(options: FlipOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function that mirrors each of ``(batch, channels, height, width)`` or not."""

    def flip(inputs: Tensor, draws: Draws) -> Tensor:
        mirrored = draws.uniform("flip").to(inputs.device) < options.probability
        return torch.where(mirrored.view(-1, 1, 1, 1), inputs.flip(-1), inputs)

    return flip


def moves(options: FlipOptions, draws: Draws) -> Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Augmentation.moves`."""
    mirrored = draws.uniform("flip") < options.probability
    maps = torch.eye(3, dtype=torch.float64, device=mirrored.device).repeat(len(mirrored), 1, 1)
    maps[:, 0, 0] = torch.where(mirrored, -1.0, 1.0).double()
    return maps
