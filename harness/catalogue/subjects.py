"""The kinds of items that say what models are about: what is asked of them, and what an example is.

The core asks these items and holds no name of one (`harness.catalogue.in_use` finds them by name).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.catalogue.item import Item
from harness.catalogue.references import Reference

EXAMPLE = "example"
"""What a model answers for where nothing else is said: one answer for each example."""


@dataclass(frozen=True, kw_only=True)
class ReadAs:
    """A modality that examples can be given to a model as.

    modality: its name. shape(shape, task) -> that of an example then. layer(task) -> the torch.nn.Module that makes it of
    a batch, of real numbers after they were standardised. words: how, for a sentence: "(of rows)".
    """

    modality: str
    shape: Reference
    layer: Reference
    words: str = ""


@dataclass(frozen=True)
class ExampleSort:
    """Examples that contracts are checked on: a shape, the range of the values, and more of their task (fields of `Task`)."""

    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0
    more: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Modality(Item):
    """What an example is: an array of numbers whose axes mean something.

    axes: the names of its dimensions, such as ("channels", "height", "width").
    input_type: what examples are given to models as, "float32" or "int64"; the latter are the numbers of things, from 0 to
        the task's `high`, between which there are no others: they are not standardised, and bear no gradient.
    feature_axis: the dimension along which values have a mean and a deviation each, such as channels; they share them
        along all others. feature_word: what one of it is called where it has no name.
    fixed_range: its values have ends of their own, such as black and white, and one unit; otherwise each feature
        has the unit of the data, may be stored less an offset, and is looked at for values that lie far outside.
    columns: its features are columns of a table, with names, and are looked at one by one.
    resizable: its last two dimensions are a height and a width, and examples of any size mean the same.
    reads_as: what examples can be given as to models that do not take this modality, the best first.
    layers(task, seen, spec) -> the modules before a network that takes it and wants the input of an `InputSpec`, for
        the task and for the task as the network is given it. None: its values are standardised, its shape stays.
    shapes(shape) -> the shapes that are tried, in this order, with a class of a person's own that fails on the data's
        shape. None: no other.
    sizes(shape, task) -> {"channels", "size", "features", "steps", "vocabulary": value} of those that it has, for
        parameters of a class of a person's own that are named after them.
    describe(shape) -> a shape in words, such as "3 channels of 32 x 32 pixels".
    checked_on: small examples that contracts are checked on.
    groups: words that stand for it and others in `takes`, such as "real-valued".
    default: data sets that name no modality are of it; one of all.
    """

    kind = "modality"
    plural = "modalities"
    axes: tuple[str, ...]
    input_type: str = "float32"
    feature_axis: int = -1
    feature_word: str = "feature"
    fixed_range: bool = False
    columns: bool = False
    resizable: bool = False
    reads_as: tuple[ReadAs, ...] = ()
    layers: Reference | None = None
    shapes: Reference | None = None
    sizes: Reference | None = None
    describe: Reference
    checked_on: tuple[ExampleSort, ...]
    groups: tuple[str, ...] = ()
    default: bool = False
    _callable_fields: ClassVar[tuple[str, ...]] = ("layers", "shapes", "sizes", "describe")
    _planning_fields: ClassVar[tuple[str, ...]] = ("checked_on", "groups", "default")


@dataclass(frozen=True, kw_only=True)
class Problem(Item):
    """What a model is asked to say of an example.

    A model's outputs are real numbers ``(batch, *output)``; targets ``(batch, *target)``, where `target_axes` names the
    dimensions of one target; () is a number.

    modalities: the names of those of which it can be asked; (): all.
    answers_each: what there is an answer for: each "example", or a part of one by a word that architectures say too
        (`Architecture.answers_each`), such as "prefix" for each step of what goes before it.
    output_shape(outputs, input_shape) -> the shape of what a model says of one example, such as (steps, outputs); None:
        (outputs,).
    headline: the metric that models are compared by; better: which way, "higher" or "lower". unit, bounds, meaning: of it,
        where it is made of `grade` or `tally`: the unit as of `Metric`, the least and the most that it can be, a sentence.
    target_type: what targets are stored and given as, "int64", "float32" or "uint8".
    classes: targets are numbers of classes, which may have names; there is an output for each.
    real_targets: targets are real numbers of some unit: they may be stored less an offset, and a network's outputs
        are brought from their deviations to that unit.
    origin(inputs, task) -> ``(batch, *output)``, what the inputs say of real targets by themselves, such as the level of a
        series, in the targets' unit: networks answer what is left, and `target_mean` and `target_std` of the task are of that.
        None: 0.
    check(targets, loaded) -> the targets of a `LoadedData` as they are meant, ``(examples, *target)``, int64, float64 or
        uint8; DataError in words where they are none of the problem.
    check_split(targets, loaded, split) raises DataError where nothing can be learnt from them as they are cut (codes 0, 1
        and 2 for training, validation and test). None: they do.
    width(targets, loaded) -> how many outputs a model has for each answer.
    strata(targets) -> labels ``(examples,)``, alike for examples that a cut spreads over all splits; None: one.
    look(targets, loaded, split, task) -> yields `Finding`, of what a reader should know of the targets. None: nothing.
    loss(outputs, targets) -> the sum over a batch of the loss by which training is judged on validation, a scalar.
    correct(outputs, targets) -> ``(batch,)`` bool; None: an answer is not right or wrong.
    grade(outputs, targets, and task where it asks for that) -> ``(batch,)``, what of each example the headline is the mean of, by which models are paired;
        None: it is the mean of nothing, and `tally` says what it is made of, or the problem's own measure yields it.
    tally(outputs, targets) -> ``(batch, *tally)``, what of each example the headline is made of where it is no mean over
        examples, such as areas whose sums are divided. sum_up(tallies, counts) -> the headline ``(samples,)`` of samples in
        which each example comes as often as `counts` ``(samples, examples)`` says, arrays of NumPy: of ones it is the
        headline, of drawn examples a bootstrap's, and without each in turn it says how models are paired.
    baseline(targets, width) -> the outputs that do best on training targets without a look at the inputs, an array that
        is spread over the shape of the outputs (``(width,)`` over ``(steps, width)``). None: nobody has said.
    fooled(outputs, targets) -> ``(batch,)`` bool, whether an adversary has what it wants of each example; None: nobody
        has said.
    beside: ((metric, score), ...), figures that are yielded beside a headline that is tallied, each with a score(tallies, counts) as
        `sum_up`; NaN where the data have none of it, which is left out.
    of_classes: (metric, score), a figure of each class by the same tallies, score(tallies, counts) -> ``(samples, classes)``, NaN of a
        class that there is nothing to say of; it may end with the last class that comes. None: there is none.
    move(targets, maps, task) -> targets that say where things are in an image whose parts have moved: ``maps`` ``(batch, 3, 3)``,
        float64, take each place of the changed image to the place whose content it shows, (across, down, 1) in pixels from the
        middle, and divide by the third number. None: targets say nothing of places.
    answer(outputs) -> what outputs say, in the form of targets ``(batch, *target)``; paint(pictures, targets, task) -> pictures
        with targets, or answers, drawn into them, uint8 ``(batch, height, width, 3)``, for galleries; paint_words(task) -> a
        sentence on how to read them. None: what is asked is told in words, or not at all.
    in_time(task, column) -> when test examples are, where those next to each other have much in common, such as windows of a series:
        (the step of time ``(examples,)`` at which each begins, whole numbers in the order of the ids, over how many it reaches), with
        column(name, split) as of `MeasureContext`. Intervals and tests count blocks of them then. None, or where it returns
        that: examples are independent.
    invent(unit, labels, task) -> targets for the invented examples that contracts are checked on: inputs from 0 to 1
        ``(n, *shape)``, and labels ``(n,)`` of the prototypes that they lie around. invented: what the task of these is
        (fields of `Task`: outputs ...).
    describe(outputs) -> what is asked in words, such as "10 classes"; output_words: what an output is, for messages.
    groups: words that stand for it and others in `problems`.
    default: data sets that name no problem are of it; one of all.
    """

    kind = "problem"
    modalities: tuple[str, ...] = ()
    answers_each: str = EXAMPLE
    headline: str
    better: str = "higher"
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    meaning: str = ""
    target_type: str
    classes: bool = False
    real_targets: bool = False
    target_axes: tuple[str, ...] = ()
    origin: Reference | None = None
    check: Reference
    check_split: Reference | None = None
    width: Reference
    output_shape: Reference | None = None
    strata: Reference | None = None
    look: Reference | None = None
    loss: Reference
    correct: Reference | None = None
    grade: Reference | None = None
    tally: Reference | None = None
    sum_up: Reference | None = None
    beside: tuple[tuple[str, Reference], ...] = ()
    of_classes: tuple[str, Reference] | None = None
    move: Reference | None = None
    answer: Reference | None = None
    paint: Reference | None = None
    paint_words: Reference | None = None
    baseline: Reference | None = None
    fooled: Reference | None = None
    in_time: Reference | None = None
    invent: Reference
    invented: tuple[tuple[str, Any], ...] = ()
    describe: Reference
    output_words: str = "one number each"
    groups: tuple[str, ...] = ()
    default: bool = False
    _callable_fields: ClassVar[tuple[str, ...]] = (
        "origin", "check", "check_split", "width", "output_shape", "strata", "look", "loss", "correct", "grade",
        "tally", "sum_up", "move", "answer", "paint", "paint_words", "baseline", "fooled", "in_time", "invent",
        "describe",
    )  # fmt: skip
    _planning_fields: ClassVar[tuple[str, ...]] = (
        "modalities", "answers_each", "bounds", "meaning", "beside", "of_classes", "invented", "groups", "default", "output_words",
    )  # fmt: skip

    def callables(self) -> tuple[Reference, ...]:
        """Return every callable of the item, those of `beside` and `of_classes` among them."""
        return (*super().callables(), *(score for _, score in self._more()))

    def facts(self) -> dict[str, Any]:
        """Return also what the metrics of `beside` and `of_classes` are called, as jobs yield them by these names."""
        names = [name for name, _ in self._more()]
        return super().facts() | ({"more_metrics": names} if names else {})

    def _more(self) -> tuple[tuple[str, Reference], ...]:
        return (*self.beside, *([self.of_classes] if self.of_classes else []))

    @property
    def summed_up(self) -> bool:
        """Whether it says what of each example its headline is made of."""
        return self.grade is not None or (self.tally is not None and self.sum_up is not None)
