"""What an augmentation must satisfy, for every modality that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from harness.catalogue.kinds import Augmentation
from harness.catalogue.references import call
from harness.contracts.cases import (
    ExamplesInMemory,
    each,
    examples,
    require_inputs,
    tasks,
)
from harness.contracts.input_changes import require_inputs_left, require_no_batch, require_own_draws
from harness.contracts.subject import Subject, require
from harness.data.draws import Draws, derive
from harness.data.task import Task


def _cases(subject: Subject) -> Iterator[tuple[Task, ExamplesInMemory]]:
    item = subject.item
    assert isinstance(item, Augmentation)
    for task in each(subject, tasks(item.takes)):
        yield task, examples(task)


def _apply(
    subject: Subject, task: Task, inputs: torch.Tensor, ids: torch.Tensor, seed: int = 0
) -> torch.Tensor:
    item = subject.item
    assert isinstance(item, Augmentation)
    augment = call(item.build, task=task, options=subject.choose().model())
    require(callable(augment), f"it built a {type(augment).__name__}, not a function")
    return require_inputs(augment(inputs, Draws(derive("contract", seed), ids)), inputs, task)


def check_inputs(subject: Subject) -> None:
    """It returns inputs of the same shape, type and range."""
    for task, data in _cases(subject):
        _apply(subject, task, data.inputs, data.ids)


def check_leaves_inputs(subject: Subject) -> None:
    """It leaves the inputs that it is given as they are."""
    for task, data in _cases(subject):
        require_inputs_left(partial(_apply, subject, task), data)


def check_draws(subject: Subject) -> None:
    """It is random by its draws alone."""
    for task, data in _cases(subject):
        require_own_draws(partial(_apply, subject, task), data)


def check_batch(subject: Subject) -> None:
    """What becomes of an example does not depend on its batch."""
    for task, data in _cases(subject):
        require_no_batch(partial(_apply, subject, task), data, task)


CONTRACTS = (check_inputs, check_leaves_inputs, check_draws, check_batch)
