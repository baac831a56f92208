"""Spatter: drops of water, or of mud, on the lens."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.blur import blur
from harness_shifts.drops import averaged, edges, equalized, filtered, nearest_edge
from harness_shifts.pixels import from_unit, paint, shorter_side, to_unit
from harness_shifts.severity import at_side, length_scale

# Mean and standard deviation of the liquid, the blur that gathers it, the amount below which there is
# none, how bright water is or how far mud is blurred, and whether it is mud.
LIQUID = {
    32: (
        (0.62, 0.1, 0.7, 0.7, 0.5, False),
        (0.65, 0.1, 0.8, 0.7, 0.5, False),
        (0.65, 0.3, 1.0, 0.69, 0.5, False),
        (0.65, 0.1, 0.7, 0.69, 0.6, True),
        (0.65, 0.1, 0.5, 0.68, 0.6, True),
    ),
    64: (
        (0.62, 0.1, 0.7, 0.7, 0.6, False),
        (0.65, 0.1, 0.8, 0.7, 0.6, False),
        (0.65, 0.3, 1.0, 0.69, 0.6, False),
        (0.65, 0.1, 0.7, 0.68, 0.6, True),
        (0.65, 0.1, 0.5, 0.67, 0.6, True),
    ),
    224: (
        (0.65, 0.3, 4.0, 0.69, 0.6, False),
        (0.65, 0.3, 3.0, 0.68, 0.6, False),
        (0.65, 0.3, 2.0, 0.68, 0.5, False),
        (0.65, 0.3, 1.0, 0.65, 1.5, True),
        (0.67, 0.4, 1.0, 0.65, 1.5, True),
    ),
}
WATER = (175 / 255, 238 / 255, 238 / 255)  # red, green, blue
MUD = (63 / 255, 42 / 255, 20 / 255)
LEAST_MUD = 0.8
FARTHEST = 20.0  # pixels from the edge of a drop


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Gather noise into drops; at severities 1 to 3 of water, which brighten, else of mud, which covers.

    Where no drop forms the image stays as it is.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019 (spatter, one of the four extra corruptions).
    """
    side = shorter_side(inputs)
    mean, std, gather, least, strength, is_mud = at_side(LIQUID, severity, side)
    scale = length_scale(side)
    images = to_unit(inputs, task)
    noise = draws.normal("spatter", (1, *inputs.shape[-2:])).to(inputs.device, inputs.dtype)
    liquid = blur(noise.mul_(std).add_(mean), gather * scale)
    liquid.mul_(liquid >= least)
    if is_mud:
        mud = blur((liquid > least).to(inputs.dtype), strength * scale)
        mud.mul_(mud >= LEAST_MUD)
        return from_unit(images.mul_(1 - mud).add_(mud * paint(MUD, images)), task)
    return from_unit(images.add_(water(liquid) * (strength * paint(WATER, images))), task)


def water(liquid: torch.Tensor) -> torch.Tensor:
    """Return how much drops shine, 0 to 1, from the amount of liquid: ``(batch, 1, height, width)``.

    They shine inside, away from their edge, on the side that faces the light.
    """
    levels = (liquid * 255).floor_().clamp_(0, 255)
    far = nearest_edge(edges(levels, 50.0, 150.0), FARTHEST)
    relief = equalized(averaged(far).floor_(), int(FARTHEST))
    lit = filtered(relief, [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]).clamp_(0, 255)
    shine = averaged(lit).round_().mul_(levels)
    return shine.div_(shine.amax(dim=(2, 3), keepdim=True).clamp_(min=1e-6))
