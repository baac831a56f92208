"""How an architecture meets data of another modality: rules without torch, so that plans can ask.

The modality says what its examples can be read as: an image as a sequence of its rows, or as a flat table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.catalogue.in_use import modality_named
from harness.catalogue.references import call
from harness.catalogue.subjects import ReadAs
from harness.data.task import Task
from harness.errors import NotApplicable


def can_adapt(modality: str, takes: Sequence[str]) -> bool:
    """Whether data of a modality can be brought to one of those that an architecture takes."""
    return modality in takes or any(target in takes for target in readings(modality))


def readings(modality: str) -> Mapping[str, ReadAs]:
    """Return {other modality: how} of what examples can be read as, the best first."""
    return {one.modality: one for one in modality_named(modality).reads_as}


def adapt_task(task: Task, takes: Sequence[str]) -> Task:
    """Return the task as an architecture is given it, in the first modality that it takes.

    Raises:
        NotApplicable: None of them can be reached.
    """
    if task.modality in takes:
        return task
    for target, how in readings(task.modality).items():
        if target in takes:
            shape = call(how.shape, shape=task.input_shape, task=task)
            return replace(task, modality=target, input_shape=tuple(shape))
    raise NotApplicable(f"{task.modality} data cannot be read as {' or '.join(takes)}")
