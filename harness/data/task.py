"""What a model is asked to do: the shapes, the range, the classes and the headline metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Task:
    """A prepared data set, described for models, attacks and measures.

    modality: "image" ``(channels, height, width)``, "sequence" ``(time, features)`` or "table"
        ``(features,)``; `input_shape` is that of one example.
    problem: "classification" or "regression".
    outputs: the number of classes; 1 for regression.
    low, high: the range of inputs in data space, which is also the box of adversarial attacks.
    scale: stored value times scale = value in data space (1/255 for 8-bit images).
    mean, std: of the training inputs in data space; per channel, or per feature of a table.
    target_mean, target_std: of the training targets; 0 and 1 for classification.
    counts: the number of examples by split.
    """

    modality: str
    problem: str
    input_shape: tuple[int, ...]
    outputs: int
    low: float
    high: float
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    target_mean: float = 0.0
    target_std: float = 1.0
    class_names: tuple[str, ...] = ()
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """The width of a model's output: classes, or 1 for regression."""
        return self.outputs

    @property
    def in_channels(self) -> int:
        """Channels of an image; features of a step of a sequence or of a row of a table."""
        return self.input_shape[0] if self.modality == "image" else self.input_shape[-1]

    @property
    def headline(self) -> str:
        """The metric that models are compared by: "accuracy", or "r2" for regression."""
        return "accuracy" if self.problem == "classification" else "r2"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, the inverse of `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Task:
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**fields)


class InputArray(Protocol):
    """Anything that gives examples by slice: a numpy array, or files read as they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(examples, *input_shape)``."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that examples are stored in."""
        ...

    def __getitem__(self, index: slice) -> np.ndarray[Any, Any]:
        """Return the examples of a slice."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoadedData:
    """What a data set's `load` returns, before it is checked, split and written.

    inputs: ``(examples, *input_shape)``, any real type; images channels first.
    targets: ``(examples,)``; integers from 0 for classification, reals for regression.
    split: ``(examples,)`` of "train", "validation", "test", where the data set fixes its own; a
        missing "validation" is cut from "train", a missing "test" too. None: cut all three.
    scale: see `Task`. low, high: range in data space; None takes the extremes of the data.
    class_names: one for each class, in the order of the targets.
    """

    modality: str
    problem: str
    inputs: InputArray
    targets: np.ndarray[Any, Any]
    split: Sequence[str] | np.ndarray[Any, Any] | None = None
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputSpec:
    """The input that an architecture needs: its shape, and the statistics it was trained with.

    shape: ``(channels, height, width)``, ``(time, features)`` or ``(features,)``.
    mean, std: per channel, where published weights expect their own; None takes the task's.
    """

    shape: tuple[int, ...]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
