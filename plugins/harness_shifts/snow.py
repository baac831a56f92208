"""Snow: bright streaks on a whitened image."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.motion_blur import trail
from harness_shifts.pixels import from_unit, grey, shorter_side, to_unit
from harness_shifts.severity import at_side, length_scale
from harness_shifts.zoom_blur import zoomed

# Mean and standard deviation of the flakes' brightness, their zoom, the brightness below which there is
# none, radius and sigma of their streaks, and how much of the image stays as it is.
FLAKES = {
    32: (
        (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
    ),
    64: (
        (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.8),
        (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.8),
        (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.7),
        (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.65),
        (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.6),
    ),
    224: (
        (0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
        (0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
        (0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
    ),
}


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Whiten the image, and add a layer of flakes and the same layer turned by half a turn.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    side = shorter_side(inputs)
    mean, std, zoom, least, radius, sigma, kept = at_side(FLAKES, severity, side)
    scale = length_scale(side)
    images = to_unit(inputs, task)
    flakes = draws.normal("snow", (1, *inputs.shape[-2:])).to(inputs.device, inputs.dtype)
    flakes = zoomed(flakes.mul_(std).add_(mean), zoom)
    flakes = _eight_bits(flakes.masked_fill(flakes < least, 0).clamp(0, 1), round_down=True)
    degrees = draws.uniform("snow/angle") * 90 - 135
    flakes = _eight_bits(trail(flakes, radius * scale, sigma * scale, degrees))
    white = torch.maximum(images, grey(images).mul_(1.5).add_(0.5))
    images.mul_(kept).add_(white, alpha=1 - kept)
    return from_unit(images.add_(flakes).add_(flakes.flip((2, 3))), task)


def _eight_bits(images: torch.Tensor, round_down: bool = False) -> torch.Tensor:
    """Return values from 0 to 1 as they come back from a file of 8 bits."""
    levels = images * 255
    return (levels.floor_() if round_down else levels.round_()).div_(255)
