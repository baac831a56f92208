"""How an architecture meets data of another modality: rules without torch, so that plans can ask.

An image is read as a sequence of its rows or as a flat table; a sequence as a flat table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.data.task import Task
from harness.errors import NotApplicable

_READ_AS = {"image": ("image", "sequence", "table"), "sequence": ("sequence", "table")}


def can_adapt(modality: str, takes: Sequence[str]) -> bool:
    """Whether data of a modality can be brought to one of those that an architecture takes."""
    return any(target in takes for target in _READ_AS.get(modality, (modality,)))


def adapt_task(task: Task, takes: Sequence[str]) -> Task:
    """Return the task as an architecture is given it, in the first modality that it takes.

    Raises:
        NotApplicable: None of them can be reached.
    """
    for target in _READ_AS.get(task.modality, (task.modality,)):
        if target in takes:
            return replace(task, modality=target, input_shape=_shape(task, target))
    raise NotApplicable(f"{task.modality} data cannot be read as {' or '.join(takes)}")


def _shape(task: Task, target: str) -> tuple[int, ...]:
    if target == task.modality:
        return task.input_shape
    if target == "table":
        return (math.prod(task.input_shape),)
    channels, height, width = task.input_shape
    return (height, channels * width)
