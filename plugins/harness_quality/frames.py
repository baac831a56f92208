"""Sequences of pictures that change little by little, of which answers should stay: after ImageNet-P.

The published sequences are videos of ImageNet; these are made of any images here, and the steps are chosen here, so figures are not
those of ImageNet-P. Lengths are shares of the image's side, so that a small image is moved by as much as a large one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Draws, Task

NOISE_STD = 0.03  # of the range of the data, of each frame, independently
TURN = math.radians(1.0)  # a frame
MOVE = 1 / 64  # of the width, a frame
GROW = 0.01  # of the size, a frame
LIGHTEN = 0.01  # of the range of the data, a frame

Frames = Callable[[Tensor, int, Draws, Task], Iterator[Tensor]]


def gaussian_noise(inputs: Tensor, frames: int, draws: Draws, task: Task) -> Iterator[Tensor]:
    """Yield images under noise that is drawn anew for each frame."""
    for frame in range(frames):
        noise = draws.normal(f"frame {frame}", tuple(inputs.shape[1:]))
        yield (inputs + NOISE_STD * (task.high - task.low) * noise).clamp(task.low, task.high)


def brightness(inputs: Tensor, frames: int, draws: Draws, task: Task) -> Iterator[Tensor]:
    """Yield images that become lighter, from darker than they are; the one in the middle is as it is."""
    for frame in range(frames):
        step = LIGHTEN * (task.high - task.low) * (frame - frames // 2)
        yield (inputs + step).clamp(task.low, task.high)


def translate(inputs: Tensor, frames: int, draws: Draws, task: Task) -> Iterator[Tensor]:
    """Yield images that move to the right; the one in the middle is as it is."""
    for frame in range(frames):
        yield _warp(inputs, shift=MOVE * (frame - frames // 2))


def rotate(inputs: Tensor, frames: int, draws: Draws, task: Task) -> Iterator[Tensor]:
    """Yield images that turn about their centre; the one in the middle is as it is."""
    for frame in range(frames):
        yield _warp(inputs, angle=TURN * (frame - frames // 2))


def scale(inputs: Tensor, frames: int, draws: Draws, task: Task) -> Iterator[Tensor]:
    """Yield images that grow; the first is as it is."""
    for frame in range(frames):
        yield _warp(inputs, size=1 + GROW * frame)


def _warp(inputs: Tensor, angle: float = 0.0, size: float = 1.0, shift: float = 0.0) -> Tensor:
    """Resample images ``(batch, channels, height, width)``, with the nearest pixel beyond the border."""
    if angle == 0.0 and size == 1.0 and shift == 0.0:
        return inputs
    height, width = inputs.shape[-2:]
    cosine, sine = math.cos(angle) / size, math.sin(angle) / size
    matrix = [[cosine, sine * height / width, -2 * shift], [-sine * width / height, cosine, 0.0]]
    theta = torch.tensor(matrix, dtype=inputs.dtype, device=inputs.device)
    shape = [len(inputs), *inputs.shape[1:]]
    grid = functional.affine_grid(theta.expand(len(inputs), 2, 3), shape, align_corners=False)
    return functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)


SEQUENCES: dict[str, Frames] = {
    "gaussian_noise": gaussian_noise,
    "brightness": brightness,
    "translate": translate,
    "rotate": rotate,
    "scale": scale,
}
WITHOUT_ORDER = ("gaussian_noise",)  # a frame is compared with the first, not with the one before
