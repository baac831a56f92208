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
