"""Frost: ice over the image."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional

from harness.api import Draws, Task
from harness.api.measuring import derive
from harness_shifts.pixels import as_unit, from_unit, grey, shorter_side
from harness_shifts.severity import at_side, nearest_side

# How much of the image stays, and how much of the ice is added.
IMAGE_AND_ICE = {
    32: ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    64: ((1.0, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
    224: ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
}
SHRUNK = {32: 0.2, 64: 0.3, 224: 1.0}  # the textures, for each table
# Of the five pictures of ice that the published script draws from: mean and standard deviation of red,
# green and blue, and the exponent by which power falls with frequency.
ICE = (
    ((0.305, 0.585, 0.650), (0.106, 0.065, 0.060), 1.1),
    ((0.787, 0.805, 0.841), (0.084, 0.087, 0.089), 1.8),
    ((0.787, 0.805, 0.841), (0.084, 0.087, 0.089), 1.8),
    ((0.540, 0.599, 0.648), (0.112, 0.112, 0.117), 1.2),
    ((0.441, 0.484, 0.528), (0.174, 0.170, 0.163), 1.8),
)
SIDE = 512  # of a texture, in pixels; it wraps around


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return c * x + d * ice, with a part of one of five textures of ice.

    The textures are made here: random fields with the colours, contrast and fall of power over frequency
    of the published photographs, but without their needles and edges.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    side = shorter_side(inputs)
    kept, iced = at_side(IMAGE_AND_ICE, severity, side)
    nearest = nearest_side(side)
    size = round(SIDE * SHRUNK[nearest] * max(1.0, side / nearest))
    height, width = inputs.shape[-2:]
    ice = _wrapped(size, height, width).to(inputs.device, inputs.dtype)
    if inputs.shape[1] != 3:
        ice = grey(ice)
    which = draws.integers("frost", len(ICE)).tolist()
    corners = draws.integers("frost/corner", size, (2,)).tolist()
    images = as_unit(inputs, task) * kept
    for image, kind, (top, left) in zip(images, which, corners, strict=True):
        image.add_(ice[kind, :, top : top + height, left : left + width], alpha=iced)
    return from_unit(images, task)


@lru_cache(maxsize=4)
def _wrapped(size: int, height: int, width: int) -> torch.Tensor:
    """Return the textures with so many of their first rows and columns again beyond the last ones."""
    rows, columns = (torch.arange(size + more) % size for more in (height, width))
    return _textures(size)[:, :, rows][..., columns]


@lru_cache(maxsize=4)
def _textures(size: int) -> torch.Tensor:
    """Return the textures ``(5, 3, size, size)``, from 0 to 1, shrunk or grown from `SIDE` pixels."""
    frequency = torch.fft.fftfreq(SIDE, dtype=torch.float64)
    distance = (frequency[:, None] ** 2 + frequency[None, : SIDE // 2 + 1] ** 2).sqrt()
    distance[0, 0] = torch.inf  # the mean is set below
    white = Draws(derive("frost"), torch.arange(len(ICE))).normal("ice", (SIDE, SIDE)).double()
    made = []
    for noise, (mean, std, slope) in zip(white, ICE, strict=True):
        field = torch.fft.irfft2(torch.fft.rfft2(noise) * distance ** (-slope / 2), s=(SIDE, SIDE))
        field = (field - field.mean()) / field.std()
        colour = torch.tensor((mean, std), dtype=torch.float64)[:, :, None, None]
        made.append((colour[0] + colour[1] * field).clamp(0, 1))
    textures = torch.stack(made).float()
    return functional.interpolate(textures, size=(size, size), mode="bilinear", align_corners=False)
