"""What a model is asked to do: the shapes, the range, the classes and the headline metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.catalogue.finding import Finding
from harness.catalogue.in_use import modality_named, problem_named
from harness.catalogue.references import call
from harness.catalogue.subjects import Modality, Problem
from harness.data.notes import DataNote
from harness.data.preprocessing import Preprocessing
from harness.data.text_code import TextCode

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Task:
    """A prepared data set, described for models, attacks and measures.

    modality: the name of what an example is, such as "image" ``(channels, height, width)``, "sequence" ``(time, features)``
        or "table" ``(features,)``; `input_shape` is that of one example.
    problem: the name of what is asked, such as "classification" or "regression".
    outputs: the width of a model's answer, such as the number of classes.
    low, high: the range of inputs in data space, which is also the box of adversarial attacks.
    scale: stored value times scale = value in data space (1/255 for 8-bit images).
    mean, std: of the training inputs in data space; per channel, or per feature of a table.
    offset: what was subtracted in float64 from each feature before it was stored as float32, where float32
        would lose digits otherwise: data space plus offset is the data set's own unit. (): nothing.
    feature_names: one for each feature of a table; () where they have none.
    target_mean, target_std: of the training targets as they are stored, less what the problem has networks count from (see
        `Problem.origin`); 0 and 1 where they are no real numbers.
    target_offset: as `offset`, of targets that are real numbers; predictions need it too.
    counts: the number of examples by split.
    preprocessing: what was done to each example's picture, in words; "" where nothing was.
    text: how examples are texts, where they are numbers of its things.
    details: {name: JSON value} that the problem and measures of it ask for by name, such as the season of a time series.
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
    offset: tuple[float, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_mean: float = 0.0
    target_std: float = 1.0
    target_offset: float = 0.0
    class_names: tuple[str, ...] = ()
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    preprocessing: str = ""
    text: TextCode | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def input_names(self) -> tuple[str, ...]:
        """What inputs are known by where their places mean nothing else: the features of a table, the things of a text."""
        return self.feature_names or (() if self.text is None else self.text.things)

    @property
    def num_classes(self) -> int:
        """The width of a model's answer, such as the number of classes."""
        return self.outputs

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what a model says of one example: ``(outputs,)``, or what the problem says."""
        shape = self.problem_item.output_shape
        if shape is None:
            return (self.outputs,)
        return tuple(call(shape, outputs=self.outputs, input_shape=self.input_shape))

    @property
    def vocabulary(self) -> int:
        """How many things there are where inputs are numbers of things: `high` + 1."""
        return int(self.high) + 1

    @property
    def in_channels(self) -> int:
        """How many features an example has: channels of an image, columns of a table."""
        return self.input_shape[self.modality_item.feature_axis]

    @property
    def headline(self) -> str:
        """The metric that models are compared by."""
        return self.problem_item.headline

    @property
    def problem_item(self) -> Problem:
        """What is asked of a model; PluginError where no plugin that is loaded provides it."""
        return problem_named(self.problem)

    @property
    def modality_item(self) -> Modality:
        """What an example is; PluginError where no plugin that is loaded provides it."""
        return modality_named(self.modality)

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
        if fields.get("text"):
            fields["text"] = TextCode.from_json(fields["text"])
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


@runtime_checkable
class ReadInPlace(InputArray, Protocol):
    """Examples that are read to where they are kept, which spares a copy of each."""

    def read_into(self, index: slice, out: np.ndarray[Any, Any]) -> None:
        """Write the examples of a slice to `out`, of their shape and type."""
        ...


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The inputs of a data set that are learnt from its training examples; see `LoadedData.encode`.

    inputs: ``(examples, *input_shape)``, of all examples in their order. feature_names: of a table.
    text, high, targets, details: as in `LoadedData`, where they are learnt.
    content: ``(examples, bytes)`` uint8, a digest of what each example's inputs were made from, by which copies are
        found, or 64 bits of a hash of that, uint64 ``(examples,)``; None: of the inputs.
    notes, findings: as in `LoadedData`, those that could not be known before.
    """

    inputs: InputArray
    feature_names: tuple[str, ...] = ()
    text: TextCode | None = None
    high: float | None = None
    targets: np.ndarray[Any, Any] | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    content: np.ndarray[Any, Any] | None = None
    notes: tuple[DataNote, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LoadedData:
    """What a data set's `load` returns, before it is checked, split and written.

    inputs: ``(examples, *input_shape)``, any real type; images channels first. None where `encode` gives them.
    targets: ``(examples, *target)``, as the problem wants them: integers from 0 for classification, reals for regression.
        None where `encode` gives them, as of texts whose tokens are the targets, too.
    split: ``(examples,)`` of "train", "validation", "test", where the data set fixes its own; a
        missing "validation" is cut from "train", a missing "test" too. None: cut all three.
    scale: see `Task`. low, high: range in data space; None takes the extremes of the data.
    class_names: one for each class, in the order of the targets.
    encode: a function of the mask ``(examples,)`` of the training examples that returns `Encoded`: for inputs
        that are learnt, such as an imputed median; called once, after the cut, so that no value of a test
        example has part in it. Needs `keys`.
    keys: ``(examples, bytes)`` uint8, what an example is known by, such as a digest of its file: its place in the cut
        depends on that. Or 64 bits of a hash of that, uint64 ``(examples,)``. None: on its inputs.
    groups: labels ``(examples,)``; the cut keeps the examples of a group together.
    order: reals ``(examples,)``, such as times; the cut is by them, the latest for testing.
    name_example: from a position to where the example comes from ("data.csv, line 7"), for messages.
    feature_names: of a table, one for each feature.
    notes: what the files were taken for, in tables of words. findings: what a reader of the figures should
        know; a `flag` where it makes them doubtful.
    preprocessing: see `Task`.
    means: for each class the names of the classes for which it stands in the data that this is a shift of; (): all
        stand for their own names.
    parts, part: where the examples come in several parts of which figures are told apart, what each holds for
        ({"shift": "fog", "severity": 3}), and the part of each example ``(examples,)``.
    columns: {name: a word for each example}, by which figures may be told apart, such as a hospital; features or not.
    names: of the examples, such as those of their files; sources: for each example the test example of the other data
        set that it was made of, its name or its place among the test examples; (): not known.
    text: see `Task`.
    details: see `Task`.
    """

    modality: str
    problem: str
    inputs: InputArray | None = None
    targets: np.ndarray[Any, Any] | None = None
    split: Sequence[str] | np.ndarray[Any, Any] | None = None
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    class_names: tuple[str, ...] = ()
    encode: Callable[[np.ndarray[Any, Any]], Encoded] | None = None
    keys: np.ndarray[Any, Any] | None = None
    groups: np.ndarray[Any, Any] | None = None
    order: np.ndarray[Any, Any] | None = None
    name_example: Callable[[int], str] = "example {}".format
    feature_names: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()
    findings: tuple[Finding, ...] = ()
    preprocessing: str = ""
    means: tuple[tuple[str, ...], ...] = ()
    parts: tuple[Mapping[str, Any], ...] = ()
    part: np.ndarray[Any, Any] | None = None
    columns: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    names: Sequence[str] = ()
    sources: Sequence[str] | Sequence[int] | np.ndarray[Any, Any] = ()
    text: TextCode | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class InputSpec:
    """The input that an architecture needs: its shape, and the statistics it was trained with.

    shape: ``(channels, height, width)``, ``(time, features)`` or ``(features,)``.
    mean, std: per channel and of inputs from 0 to 1, where published weights expect their own; None
        takes the task's.
    preprocessing: how published weights expect a picture of another size to be brought to `shape`;
        None: it is resized as a whole.
    range: the (low, high) that it wants the range of the data brought to, in place of standardised inputs,
        where there is no mean.
    """

    shape: tuple[int, ...]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    preprocessing: Preprocessing | None = None
    range: tuple[float, float] | None = None
