"""What a modality must satisfy, on the small examples that it is checked on."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.catalogue.in_use import names_of
from harness.catalogue.references import call
from harness.catalogue.size_names import SIZE_NAMES
from harness.catalogue.subjects import Modality
from harness.contracts.cases import each, examples, tasks
from harness.contracts.subject import Subject, require
from harness.data.adapt import adapt_task
from harness.data.first_layers import first_layers
from harness.data.task import InputSpec, Task

_COUNT = 4


def _modality(subject: Subject) -> Modality:
    assert isinstance(subject.item, Modality)
    return subject.item


def _cases(subject: Subject) -> Iterator[Task]:
    yield from each(subject, tasks((_modality(subject).name,)))


def check_axes(subject: Subject) -> None:
    """Its examples have its axes, and a feature axis among them."""
    item = _modality(subject)
    require(item.axes, "it has no axes")
    types = ("float32", "int64")
    require(
        item.input_type in types, f"input_type is {item.input_type!r}; one of {', '.join(types)}"
    )
    count = len(item.axes)
    require(-count <= item.feature_axis < count, f"feature_axis is {item.feature_axis}")
    require(item.checked_on, "checked_on has no example")
    for sort in item.checked_on:
        require(len(sort.shape) == count, f"{sort.shape} does not have the axes {item.axes}")
        require(sort.low < sort.high, f"the range of {sort.shape} is {sort.low} to {sort.high}")


def check_words(subject: Subject) -> None:
    """It describes a shape, and says sizes by names that are known."""
    item = _modality(subject)
    for task in _cases(subject):
        words = call(item.describe, shape=task.input_shape)
        require(isinstance(words, str) and words, f"describe returns {words!r}")
        if item.sizes is not None:
            unknown = call(item.sizes, shape=task.input_shape, task=task).keys() - SIZE_NAMES.keys()
            require(not unknown, f"sizes has {sorted(unknown)}; allowed: {', '.join(SIZE_NAMES)}")


def check_first_layers(subject: Subject) -> None:
    """Its first layers keep the shape, are centred on the data, and pass a gradient to inputs that are real numbers."""
    for task in _cases(subject):
        _require_layers(task, task, InputSpec(task.input_shape))


def check_reads_as(subject: Subject) -> None:
    """What its examples can be read as has the shape that it says."""
    item, known = _modality(subject), names_of("modality")
    for one in item.reads_as:
        require(one.modality in known, f"reads_as has {one.modality!r}; one of {', '.join(known)}")
        require(one.modality != item.name, "it is read as itself")
        for task in _cases(subject):
            seen = adapt_task(task, (one.modality,))
            require(
                len(seen.input_shape) == len(seen.modality_item.axes),
                f"read as {one.modality} it has the shape {seen.input_shape}; that has the axes "
                f"{', '.join(seen.modality_item.axes)}",
            )
            _require_layers(task, seen, InputSpec(seen.input_shape))


def check_shapes(subject: Subject) -> None:
    """Other shapes that it is tried in are reached by its layers."""
    item = _modality(subject)
    for task in _cases(subject):
        others = () if item.shapes is None else call(item.shapes, shape=task.input_shape)
        for shape in others:
            require(item.layers is not None, "it has shapes to try, and no layers that reach them")
            _require_layers(task, task, InputSpec(tuple(shape)))


def _require_layers(task: Task, seen: Task, spec: InputSpec) -> None:
    inputs = examples(task, _COUNT).inputs
    if task.modality_item.input_type == "float32":
        inputs.requires_grad_()
    layers = torch.nn.Sequential(*first_layers(task, seen, spec))
    found = layers(inputs)
    wanted = (_COUNT, *spec.shape)
    require(tuple(found.shape) == wanted, f"its layers give {tuple(found.shape)}; wanted {wanted}")
    require(bool(found.isfinite().all()), "its layers give values that are not finite")
    if inputs.requires_grad:
        (gradient,) = torch.autograd.grad(found.square().sum(), inputs)
        require(bool(gradient.any()), "no gradient reaches the inputs through its layers")


CONTRACTS = (check_axes, check_words, check_first_layers, check_reads_as, check_shapes)
