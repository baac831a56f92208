"""What every change of inputs must satisfy, be it a shift or an augmentation."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from harness.contracts.cases import (
    ExamplesInMemory,
    generators,
    parts,
    require_close,
    require_same_generators,
)
from harness.contracts.subject import require
from harness.data.task import Task

Change = Callable[[Tensor, Tensor], Tensor]  # of inputs ``(batch, *shape)`` and their ids


def require_inputs_left(change: Change, data: ExamplesInMemory) -> None:
    """Require that it leaves the inputs that it is given as they are."""
    before = data.inputs.clone()
    change(data.inputs, data.ids)
    require(before.equal(data.inputs), "it changes its inputs in place")


def require_own_draws(change: Change, data: ExamplesInMemory) -> None:
    """Require that it is random by its draws alone."""
    before = generators()
    first = change(data.inputs, data.ids)
    require_same_generators(before)
    again = change(data.inputs, data.ids)
    require(first.equal(again), "the same draws give another result the second time")


def require_no_batch(change: Change, data: ExamplesInMemory, task: Task) -> None:
    """Require that what becomes of an example does not depend on its batch."""
    whole = change(data.inputs, data.ids)
    for part in parts(len(data)):
        require_close(
            change(data.inputs[part], data.ids[part]),
            whole[part],
            task.high - task.low,
            "in another batch an example becomes something else",
        )
