"""Images and sequences read at other places than their own pixels and steps."""

from __future__ import annotations

import torch
from torch.nn import functional


def centred(size: int, images: torch.Tensor) -> torch.Tensor:
    """Return the places of `size` pixels, counted from the middle of the image."""
    return torch.arange(size, device=images.device, dtype=images.dtype) - (size - 1) / 2


def read_through(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Return images read where projective maps ``(batch, 3, 3)`` take their pixels: bilinear, the border repeated outwards.

    maps: of (across, down, 1), in pixels from the middle of the image.
    """
    height, width = images.shape[-2:]
    maps = maps.to(images.device, images.dtype)
    y, x = centred(height, images).view(1, -1, 1), centred(width, images).view(1, 1, -1)
    across, down, depth = (
        row[:, 0, None, None] * x + row[:, 1, None, None] * y + row[:, 2, None, None]
        for row in maps.unbind(1)
    )
    return read_at(images, down / depth, across / depth)


def read_at(images: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return images read at places ``(batch, height, width)``: bilinear, the border repeated outwards.

    images: ``(batch, channels, height, width)``. y, x: in pixels from the middle of the image.
    """
    height, width = images.shape[-2:]
    # (batch, height, width, 2), in grid_sample's units: -1 to 1 between the outer edges
    grid = torch.stack((x * (2.0 / width), y * (2.0 / height)), dim=-1)
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def read_steps(sequences: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Return sequences ``(batch, steps, features)`` at times ``(batch, steps)``, between steps by a straight line.

    times: in steps from the first; before it, and after the last, that one is repeated.
    """
    last = sequences.shape[1] - 1
    held = times.clamp(0, last)
    before = held.floor().long().clamp(max=max(last - 1, 0))
    share = (held - before).unsqueeze(2)
    after = (before + 1).clamp(max=last)

    def take(steps: torch.Tensor) -> torch.Tensor:
        index = steps.unsqueeze(2).expand(-1, -1, sequences.shape[2])
        return sequences.gather(1, index)

    return torch.lerp(take(before), take(after), share)
