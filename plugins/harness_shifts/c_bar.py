"""What the ten corruptions of ImageNet-C-bar share: how strong each is, and the places of pixels.

Mintun, Kirillov & Xie 2021, "On interaction between augmentations and corruptions in natural corruption
robustness", arXiv:2102.11273: corruptions unlike those that augmentations were tuned on. Five of them are in CIFAR-10-C-bar
too, with strengths of its own. Images below 46 px take these, and where there are none, ImageNet's. Lengths are shares of the
shorter side. The published files are rounded down to 8 bits; here nothing is rounded.
"""

from __future__ import annotations

import torch

from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_severity, nearest_side

STRENGTH = {
    "single_frequency_greyscale": (1.0, 1.5, 2.0, 4.5, 5.0),
    "cocentric_sine_waves": (3.0, 5.0, 8.0, 9.0, 10.0),
    "plasma_noise": (4.75, 7.0, 8.5, 9.25, 10.0),
    "perlin_noise": (4.6, 5.2, 5.8, 7.6, 8.8),
    "sparkles": (1.0, 2.0, 3.0, 5.0, 6.0),
    "inverse_sparkles": (1.0, 2.0, 4.0, 9.0, 10.0),
    "blue_noise_sample": (0.8, 1.6, 2.4, 4.0, 5.6),
    "brownish_noise": (1.0, 2.0, 3.0, 4.0, 5.0),
    "checkerboard_cutout": (2.0, 3.0, 4.0, 5.0, 6.0),
    "caustic_refraction": (2.35, 3.2, 4.9, 6.6, 9.15),
}
OF_CIFAR = {
    "sparkles": (0.7, 3.5, 5.6, 6.3, 7.0),
    "inverse_sparkles": (1.0, 1.5, 2.5, 4.5, 5.0),
    "blue_noise_sample": (0.7, 1.4, 2.1, 3.5, 4.2),
    "brownish_noise": (2.5, 4.0, 5.5, 6.5, 7.0),
    "checkerboard_cutout": (1.0, 2.0, 3.0, 4.0, 5.0),
}


def strength(name: str, severity: int, images: torch.Tensor) -> float:
    """Return the published strength, 0 to 10, at a severity of 1 to 5."""
    small = nearest_side(shorter_side(images)) == 32
    return at_severity(OF_CIFAR.get(name, STRENGTH[name]) if small else STRENGTH[name], severity)


def places(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows ``(1, height, 1)`` and columns ``(1, 1, width)`` from 0, in float64."""
    rows, columns = (
        torch.arange(size, dtype=torch.float64, device=images.device) for size in images.shape[-2:]
    )
    return rows.view(1, -1, 1), columns.view(1, 1, -1)


def between(low: float, high: float, drawn: torch.Tensor) -> torch.Tensor:
    """Return draws from [0, 1) as numbers from low to high, ``(batch, 1, 1)`` in float64."""
    return (low + (high - low) * drawn.double()).view(-1, 1, 1)
