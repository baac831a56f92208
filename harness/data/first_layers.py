"""The first layers of a model in data space: whatever a network needs in order to take the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.references import call
from harness.data.adapt import readings
from harness.data.preprocessing import Preprocessing
from harness.data.task import InputSpec, Task


class _OwnUnit(nn.Module):
    """A layer with a buffer `mean` that its state holds in the data set's own unit.

    Data may be stored less an offset (`Task.offset`), which weights must not depend on: the state has the mean
    plus the offset, in float64, and what is loaded is brought to the offset of the data at hand.
    """

    mean: Tensor

    def __init__(self, mean: Tensor, offset: Sequence[float]) -> None:
        """Take the mean of the data as they are stored, and what was subtracted before; () is nothing."""
        super().__init__()
        self.offset = torch.tensor(offset, dtype=torch.float64).view(mean.shape) if offset else None
        if (
            self.offset is not None
        ):  # as the state can hold it: beside 1e15, float64 has steps of 0.125
            mean = (mean.double() + self.offset - self.offset).float()
        self.register_buffer("mean", mean)

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.offset is not None:
            name = f"{prefix}mean"
            destination[name] = destination[name].double() + self.offset.to(self.mean.device)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        name = f"{prefix}mean"
        found = state_dict.get(name)
        if self.offset is not None and found is not None and found.shape == self.offset.shape:
            state_dict[name] = (found.double() - self.offset.to(found.device)).float()
        super()._load_from_state_dict(state_dict, prefix, *rest)


class Normalise(_OwnUnit):
    """(inputs - mean) / std, per channel of an image or per feature of a sequence or table.

    A feature that never varied in training has nothing to say and becomes 0.
    """

    scales_inputs = True  # so that a measure finds what a deployment may forget
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        behind: int = 0,
        offset: Sequence[float] = (),
    ) -> None:
        """Take the statistics, and what was subtracted from the data before they were stored.

        behind: how many dimensions follow that of the features.
        """
        shape = (-1,) + (1,) * behind
        super().__init__(torch.tensor(mean, dtype=torch.float32).view(shape), offset)
        safe = [value if value > 0 else math.inf for value in std]
        self.register_buffer("std", torch.tensor(safe, dtype=torch.float32).view(shape))

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, *shape)`` -> the same shape."""
        return (inputs - self.mean) / self.std

    def extra_repr(self) -> str:
        """Say where the statistics come from."""
        return f"{self.mean.numel()} means and deviations"


class MatchChannels(nn.Module):
    """A grey channel repeated, or colours averaged to grey and repeated."""

    def __init__(self, channels: int) -> None:
        """Take the number of channels that the network wants."""
        super().__init__()
        self.channels = channels

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, any, height, width)`` -> ``(batch, channels, height, width)``."""
        grey = inputs if inputs.shape[1] == 1 else inputs.mean(dim=1, keepdim=True)
        return grey.expand(-1, self.channels, -1, -1)

    def extra_repr(self) -> str:
        """Say to how many."""
        return f"to {self.channels}"


class Resize(nn.Module):
    """Bilinear resizing; smoothed first where the image shrinks."""

    def __init__(self, height: int, width: int) -> None:
        """Take the size that the network wants."""
        super().__init__()
        self.size = (height, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, channels, any, any)`` -> ``(batch, channels, height, width)``."""
        shrinks = inputs.shape[-2] > self.size[0] or inputs.shape[-1] > self.size[1]
        return nn.functional.interpolate(
            inputs, self.size, mode="bilinear", align_corners=False, antialias=shrinks
        )

    def extra_repr(self) -> str:
        """Say to what."""
        return f"to {self.size[0]} x {self.size[1]}"


class Preprocess(nn.Module):
    """The resizing and the crop that published weights expect, as Pillow does them but for rounding.

    The result stays in the range of the data, as pixels do: bicubic interpolation overshoots.
    """

    fill: Tensor

    def __init__(self, preprocessing: Preprocessing, low: float, high: float) -> None:
        """Take the rule, and the range of the data."""
        super().__init__()
        self.preprocessing, self.low, self.high = preprocessing, low, high
        fill = torch.tensor(preprocessing.fill, dtype=torch.float32).view(-1, 1, 1)
        self.register_buffer("fill", low + fill * (high - low), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, channels, any, any)`` -> ``(batch, channels, *size)``."""
        steps = self.preprocessing.steps(inputs.shape[-2], inputs.shape[-1])
        found = inputs
        if steps.resized != tuple(inputs.shape[-2:]):
            smooth = self.preprocessing.interpolation != "nearest"
            mode = self.preprocessing.interpolation if smooth else "nearest-exact"
            found = nn.functional.interpolate(
                inputs,
                steps.resized,
                mode=mode,
                align_corners=False if smooth else None,
                antialias=smooth,
            ).clamp(self.low, self.high)
        left, top, right, bottom = steps.padding
        if any(steps.padding):
            sides = (left, right, top, bottom)
            inside = nn.functional.pad(torch.ones_like(found[:1, :1]), sides)
            found = nn.functional.pad(found, sides)
            found = found + self.fill * (1 - inside)
        (row, column), (height, width) = steps.corner, self.preprocessing.size
        return found[..., row : row + height, column : column + width]

    def extra_repr(self) -> str:
        """Say the rule."""
        return self.preprocessing.words()


class Rescale(nn.Module):
    """Data space to a range that the network asks for, such as that of pixels of 8 bits."""

    scales_inputs = True

    def __init__(self, source: tuple[float, float], target: tuple[float, float]) -> None:
        """Take the (low, high) of both."""
        super().__init__()
        self.factor = (target[1] - target[0]) / (source[1] - source[0])
        self.shift = target[0] - source[0] * self.factor
        self.words = f"from {source[0]:g}..{source[1]:g} to {target[0]:g}..{target[1]:g}"

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, *shape)`` -> the same shape."""
        return inputs * self.factor + self.shift

    def extra_repr(self) -> str:
        """Say from what to what."""
        return self.words


class TargetScale(_OwnUnit):
    """Standardised outputs back to target units."""

    std: Tensor

    def __init__(self, mean: float, std: float, offset: float = 0.0) -> None:
        """Take the statistics of the training targets, and what was subtracted from them before."""
        super().__init__(torch.tensor(mean, dtype=torch.float32), (offset,) if offset else ())
        self.register_buffer("std", torch.tensor(std or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        """``(batch, 1)`` -> the same shape, in no fewer bits than the statistics have.

        A scalar's type does not count in torch's promotion, and half precision has no 1e-20 nor 1e30.
        """
        wide = outputs.to(torch.promote_types(outputs.dtype, self.std.dtype))
        return wide * self.std + self.mean


def first_layers(task: Task, seen: Task, spec: InputSpec) -> list[nn.Module]:
    """Return what stands before a network that wants `spec`; `seen` is the task in its modality."""
    real = [standardise(task, spec)] if task.modality_item.input_type == "float32" else []
    if seen.modality != task.modality:
        return [*real, call(readings(task.modality)[seen.modality].layer, task=task)]
    own = task.modality_item.layers
    if own is None:
        return real
    return list(call(own, task=task, seen=seen, spec=spec))


def standardise(task: Task, spec: InputSpec) -> nn.Module:
    """Return what brings the data's values to those that a network without statistics of its own wants."""
    if spec.range is not None:
        return Rescale((task.low, task.high), spec.range)
    axis = task.modality_item.feature_axis % len(task.input_shape)
    behind = len(task.input_shape) - 1 - axis
    return Normalise(task.mean, task.std, behind=behind, offset=task.offset)
