"""Bright stars with many rays, on the image or all around it."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import from_unit, shorter_side, to_unit

STARS = 5
RADIUS = 0.01  # of the side, for a strength of 1
LEAST_RAYS, MOST_RAYS = 50, 199
RAGGED = 0.25  # the deviation of a ray's length, as a share of the radius


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Brighten the image towards white by five stars, one after the other.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    height, width = inputs.shape[-2:]
    radius = strength("sparkles", severity, inputs) * RADIUS * shorter_side(inputs)
    images = to_unit(inputs, task)
    for star in range(STARS):
        down, across = draws.uniform(f"sparkles/{star}", (2,)).to(inputs.device).unbind(1)
        centre = between(0, height, down), between(0, width, across)
        lengths = ray_lengths(draws, f"sparkles/{star}", radius).clamp_(min=1)
        images = torch.lerp(
            images,
            torch.ones_like(images),
            shine(inputs, draws, f"sparkles/{star}", centre, lengths, 1.0),
        )
    return from_unit(images, task)


def ray_lengths(draws: Draws, stream: str, radius: float) -> torch.Tensor:
    """Return the lengths of as many rays as a star may have, ``(batch, 199)`` in pixels."""
    return radius * (1 + RAGGED * draws.normal(stream, (MOST_RAYS,)).double())


def shine(
    images: torch.Tensor,
    draws: Draws,
    stream: str,
    centre: tuple[torch.Tensor, torch.Tensor],
    lengths: torch.Tensor,
    steepness: float,
) -> torch.Tensor:
    """Return how white a star makes each pixel, 0 to 1, ``(batch, 1, height, width)``.

    centre: row and column, ``(batch, 1, 1)``. lengths: ``(batch, 199)``. steepness: the power of (length / distance)^2.
    """
    rays = LEAST_RAYS + draws.integers(stream, MOST_RAYS + 1 - LEAST_RAYS).to(images.device).view(
        -1, 1, 1
    )
    rows, columns = places(images)
    down, across = rows - centre[0], columns - centre[1]
    turn = (torch.atan2(across, down) + math.pi) / (2 * math.pi) * rays
    ray = turn.long()
    share = turn - ray
    length = lengths.to(images.device)[:, None].expand(-1, images.shape[-2], -1)
    here, next_one = (length.gather(2, one % rays) for one in (ray, ray + 1))
    length = torch.lerp(here, next_one, share)
    glow = (length**2 / (down**2 + across**2 + 1e-4)) ** steepness
    return ((1 - (share - 0.5) ** 2) * glow).clamp_(0, 1)[:, None].to(images.dtype)
