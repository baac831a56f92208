"""Noise with a given amount of each frequency."""

from __future__ import annotations

import math

import torch

from harness.api import Draws


def spectral_noise(draws: Draws, stream: str, power: torch.Tensor) -> torch.Tensor:
    """Return noise of deviation 1, ``(batch, height, width)`` in float64.

    power: ``(height, width)``, the amplitude of each frequency, that of the mean in the middle. Phases are drawn for the left
    half and the same, turned by half a turn, in the right one; the real part of the transform is taken.

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    height, width = power.shape
    left = draws.uniform(stream, (height, width // 2)).to(power.device).double()
    parts = [left, left.flip((1, 2))]
    if width % 2:
        upper = draws.uniform(f"{stream}/middle", (height // 2, 1)).to(power.device).double()
        nothing = upper.new_zeros(len(upper), height % 2, 1)
        parts.insert(1, torch.cat([upper, nothing, upper.flip(1)], 1))
    spectrum = torch.polar(power.expand(len(left), -1, -1), 2 * math.pi * torch.cat(parts, 2))
    spectrum = spectrum.roll((height // 2, width // 2), (1, 2))
    noise: torch.Tensor = torch.fft.ifft2(spectrum).real
    return noise / noise.std((1, 2), correction=0, keepdim=True).clamp(min=1e-12)


def distance_from_middle(images: torch.Tensor) -> torch.Tensor:
    """Return how far each pixel, as its upper left corner, is from the middle: ``(height, width)`` in float64."""
    rows, columns = (
        torch.arange(size, dtype=torch.float64, device=images.device) - size / 2
        for size in images.shape[-2:]
    )
    return torch.hypot(rows[:, None], columns[None])
