"""A model in data space: whatever it needs in order to take the data is a stated first layer.

Inputs are in the data set's own range and outputs are logits (for regression: in target units), both less the
task's offset where it has one, so that attacks, shifts and epsilons mean the same for every architecture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.kinds import Architecture, Chosen
from harness.catalogue.references import call
from harness.data.adapt import adapt_task
from harness.data.task import InputSpec, Task
from harness.errors import NotApplicable, PluginError


class _OwnUnit(nn.Module):
    """A layer with a buffer `mean` that its state holds in the data set's own unit.

    Data may be stored less an offset (`Task.offset`), which weights must not depend on: the state has the mean
    plus the offset, in float64, and what is loaded is brought to the offset of the data at hand.
    """

    mean: Tensor

    def __init__(self, mean: Tensor, offset: Sequence[float]) -> None:
        """Take the mean of the data as they are stored, and what was subtracted before; () is nothing."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.offset = torch.tensor(offset, dtype=torch.float64).view(mean.shape) if offset else None

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

    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        is_image: bool,
        offset: Sequence[float] = (),
    ) -> None:
        """Take the statistics, and what was subtracted from the data before they were stored."""
        shape = (-1, 1, 1) if is_image else (-1,)
        super().__init__(torch.tensor(mean, dtype=torch.float32).view(shape), offset)
        safe = [value if value > 0 else math.inf for value in std]
        self.register_buffer("std", torch.tensor(safe, dtype=torch.float32).view(shape))

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, *shape)`` -> the same shape."""
        return (inputs - self.mean) / self.std

    def extra_repr(self) -> str:
        """Say where the statistics come from."""
        return f"{self.mean.numel()} means and deviations"


class RowsAsSequence(nn.Module):
    """An image as a sequence of its rows."""

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` -> ``(batch, height, channels * width)``."""
        return inputs.transpose(1, 2).flatten(2)


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


class TargetScale(_OwnUnit):
    """Standardised outputs back to target units."""

    std: Tensor

    def __init__(self, mean: float, std: float, offset: float = 0.0) -> None:
        """Take the statistics of the training targets, and what was subtracted from them before."""
        super().__init__(torch.tensor(mean, dtype=torch.float32), (offset,) if offset else ())
        self.register_buffer("std", torch.tensor(std or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        """``(batch, 1)`` -> the same shape."""
        return outputs * self.std + self.mean


class DataSpaceModel(nn.Module):
    """The first layers, the network, and the way back to target units.

    build_anew: builds the model again, with the same random numbers; None where it is not known.
    """

    build_anew: Callable[[], DataSpaceModel] | None = None

    def __init__(self, first: Sequence[nn.Module], net: nn.Module, last: nn.Module) -> None:
        """Take the parts in their order."""
        super().__init__()
        self.first = nn.Sequential(*first)
        self.net = net
        self.last = last

    def forward(self, inputs: Tensor) -> Tensor:
        """Data space ``(batch, *input_shape)`` -> logits ``(batch, outputs)``."""
        outputs: Tensor = self.last(self.net(self.first(inputs)))
        return outputs

    def adaptations(self) -> list[str]:
        """Return the first layers in words, for the record."""
        return [f"{type(layer).__name__} {layer.extra_repr()}".strip() for layer in self.first]


def build_model(chosen: Chosen, task: Task, *, pretrained: bool = False) -> DataSpaceModel:
    """Build an architecture for a task, with random (or published) weights, on the CPU.

    Raises:
        NotApplicable: The data cannot be adapted to it.
        PluginError: It builds something that is no module.
    """
    item = chosen.item
    assert isinstance(item, Architecture)
    random_state = torch.get_rng_state()

    def build_anew() -> DataSpaceModel:
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(random_state)
            return build_model(chosen, task, pretrained=pretrained)

    seen = adapt_task(task, item.takes)
    options = chosen.model()
    extra = {} if item.options is not None else chosen.options
    given = {"options": options, "member": chosen.member, "pretrained": pretrained, **extra}
    spec: InputSpec = (
        InputSpec(seen.input_shape)
        if item.wants is None
        else call(item.wants, **{"task": seen, **given})
    )
    if seen.modality != "image" and tuple(spec.shape) != seen.input_shape:
        raise NotApplicable(
            f"{chosen.label} wants {seen.modality} data of the shape {tuple(spec.shape)}; "
            f"here it is {seen.input_shape}, and only images are resized"
        )
    seen = replace(seen, input_shape=tuple(spec.shape))
    net = call(
        item.build,
        **{
            "task": seen,
            "input_shape": seen.input_shape,
            "in_channels": seen.in_channels,
            "num_classes": task.outputs,
            **given,
        },
    )
    if not isinstance(net, nn.Module):
        raise PluginError(f"{chosen.label} built a {type(net).__name__}, not a torch.nn.Module")
    last = (
        TargetScale(task.target_mean, task.target_std, task.target_offset)
        if task.problem == "regression"
        else nn.Identity()
    )
    model = DataSpaceModel(_first_layers(task, seen, spec), net, last)
    model.build_anew = build_anew
    return model


def check_output(label: str, task: Task, logits: object) -> Tensor:
    """Return a model's output, checked: a float tensor ``(batch, outputs)``.

    Raises:
        PluginError: It is something else; the message says what was wanted.
    """
    if not isinstance(logits, Tensor):
        raise PluginError(f"{label} returned a {type(logits).__name__}, not a tensor of logits")
    if logits.dim() != 2 or logits.shape[1] != task.outputs:
        raise PluginError(
            f"{label} returned the shape {tuple(logits.shape)}; wanted (batch, {task.outputs}): "
            "one logit for each class (regression: one number)"
        )
    if not logits.is_floating_point():
        raise PluginError(f"{label} returned {logits.dtype} values; logits are real numbers")
    return logits


def _first_layers(task: Task, seen: Task, spec: InputSpec) -> list[nn.Module]:
    layers: list[nn.Module] = []
    is_image = task.modality == "image"
    if spec.mean is None:
        layers.append(Normalise(task.mean, task.std, is_image, task.offset))
    if seen.modality == "table" and task.modality != "table":
        layers.append(nn.Flatten())
    elif seen.modality == "sequence" and is_image:
        layers.append(RowsAsSequence())
    elif seen.modality == "image":
        channels, height, width = spec.shape
        if channels != task.input_shape[0]:
            layers.append(MatchChannels(channels))
        if spec.mean is not None:
            layers.append(Normalise(spec.mean, spec.std or (1.0,) * channels, is_image=True))
        if (height, width) != task.input_shape[1:]:
            layers.append(Resize(height, width))
    return layers
