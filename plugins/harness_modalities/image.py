"""Pixels, ``(channels, height, width)``: any size and any channels can be brought to those that a network wants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from harness.api import InputSpec, Task
from harness.api.layers import MatchChannels, Normalise, Preprocess, Resize, standardise
from harness.api.reporting import counted

_SIDES = (16, 32, 64, 96, 128, 160, 192, 224, 256)
_SIDES_IN_COLOUR = (32, 224)


class RowsAsSequence(nn.Module):
    """An image as a sequence of its rows."""

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` -> ``(batch, height, channels * width)``."""
        return inputs.transpose(1, 2).flatten(2)


def row_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an image that is read as a sequence of its rows."""
    channels, height, width = shape
    return (height, channels * width)


def layers(task: Task, spec: InputSpec) -> list[nn.Module]:
    """Return what brings an image to the channels, the size and the values that a network wants.

    Published weights expect the statistics that they were trained with, of inputs from 0 to 1, and their own way
    of resizing before that; others get the data's statistics, and are resized last.
    """
    found: list[nn.Module] = []
    channels, height, width = spec.shape
    if spec.mean is None:
        found.append(standardise(task, spec))
    if channels != task.input_shape[0]:
        found.append(MatchChannels(channels))
    resized = (height, width) != task.input_shape[1:]
    if resized and spec.preprocessing is not None and spec.mean is not None:
        found.append(Preprocess(spec.preprocessing, task.low, task.high))
    if spec.mean is not None:
        low, span = task.low, task.high - task.low
        mean = [low + value * span for value in spec.mean]
        std = [value * span for value in spec.std or (1.0,) * channels]
        found.append(Normalise(mean, std, behind=2))
    if resized and (spec.preprocessing is None or spec.mean is None):
        found.append(Resize(height, width))
    return found


def shapes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the shapes that a class is tried with, where it fails on the data's: larger, then of three channels."""
    channels, *sides = shape
    for side in _SIDES:
        if side > max(sides):
            yield (channels, side, side)
    if channels == 1:
        # For classes of three fixed channels that do not say so in convolutions' words.
        for height, width in (sides, *((side, side) for side in _SIDES_IN_COLOUR)):
            if min(height, width) >= min(sides):
                yield (3, height, width)


def sizes(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return its sizes, for classes of a person's own."""
    return {"channels": shape[0], "size": shape, "features": math.prod(shape)}


def describe(shape: tuple[int, ...]) -> str:
    """Return its shape in words."""
    return f"{counted(shape[0], 'channel')} of {shape[1]} x {shape[2]} pixels"
