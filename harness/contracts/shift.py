"""What a shift must satisfy, for every modality that it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from harness.catalogue.kinds import Shift
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
from harness.errors import NotApplicable

_SEVERITIES = (1, 2, 3, 4, 5)


def _cases(subject: Subject) -> Iterator[tuple[Task, ExamplesInMemory]]:
    item, fits = subject.item, False
    assert isinstance(item, Shift)
    for task in each(subject, tasks(item.takes)):
        data = examples(task)
        with contextlib.suppress(NotApplicable):  # such as of grey images, where it is of colours
            _apply(subject, task, data.inputs, data.ids, 1)
            fits = True
            yield task, data
    require(fits, "it is not applicable to anything that it takes")


def _apply(
    subject: Subject, task: Task, inputs: torch.Tensor, ids: torch.Tensor, severity: int
) -> torch.Tensor:
    return require_inputs(_changed(subject, task, inputs, ids, severity), inputs, task)


def _changed(
    subject: Subject, task: Task, inputs: torch.Tensor, ids: torch.Tensor, severity: int
) -> object:
    item = subject.item
    assert isinstance(item, Shift)
    return call(
        item.apply,
        inputs=inputs,
        severity=severity,
        draws=Draws(derive("contract"), ids),
        task=task,
        options=subject.choose().model(),
    )


def check_inputs(subject: Subject) -> None:
    """At severities 1 to 5 it returns finite inputs of the same shape, type and range."""
    for task, data in _cases(subject):
        for severity in _SEVERITIES:
            _apply(subject, task, data.inputs, data.ids, severity)


def check_leaves_inputs(subject: Subject) -> None:
    """It leaves the inputs that it is given as they are."""
    for task, data in _cases(subject):
        require_inputs_left(partial(_apply, subject, task, severity=5), data)


def check_draws(subject: Subject) -> None:
    """It is random by its draws alone."""
    for task, data in _cases(subject):
        require_own_draws(partial(_apply, subject, task, severity=3), data)


def check_batch(subject: Subject) -> None:
    """What becomes of an example does not depend on its batch."""
    for task, data in _cases(subject):
        require_no_batch(partial(_apply, subject, task, severity=5), data, task)


def check_eight_bit(subject: Subject) -> None:
    """Of images in 8 bits it makes what it makes of their numbers, but for a level."""
    item = subject.item
    assert isinstance(item, Shift)
    if not item.eight_bit:
        return
    for found, data in _cases(subject):
        task = replace(found, low=0.0, high=1.0)
        generator = torch.Generator().manual_seed(0)
        levels = torch.randint(0, 256, data.inputs.shape, dtype=torch.uint8, generator=generator)
        wide = replace(task, high=255.0)
        for severity in _SEVERITIES:
            numbers = _apply(subject, task, levels / 255, data.ids, severity)
            kept = require_inputs(_changed(subject, task, levels, data.ids, severity), levels, wide)
            off = float((kept - numbers * 255).abs().max())
            require(off <= 1, f"at severity {severity} levels of 8 bits are off by {off:.3g}")


def check_changes(subject: Subject) -> None:
    """Severity 5 changes the inputs, and not much less than severity 1 does.

    Severities of published corruptions are by how many errors they cause: bending an image in many places can change
    its values by less than moving it as a whole.
    """
    for task, data in _cases(subject):
        mild, strong = (
            float(
                (_apply(subject, task, data.inputs, data.ids, s) - data.inputs).abs().float().mean()
            )
            for s in (1, 5)
        )
        require(strong > 0, "severity 5 leaves all inputs as they are")
        require(
            strong >= 0.75 * mild,
            f"severity 5 changes inputs by {strong:.3g} on average, severity 1 by {mild:.3g}",
        )


def check_moves(subject: Subject) -> None:
    """An image is moved as it says, and one that it says to leave in place is not moved."""
    item = subject.item
    assert isinstance(item, Shift)
    require(
        not (item.keeps_places and item.moves is not None),
        "it keeps all at its place, and says how it moves it",
    )
    if item.moves is None:
        return
    for task, data in _cases(subject):
        if len(task.input_shape) != 3:
            continue
        options, draws = subject.choose().model(), Draws(derive("contract"), data.ids)
        maps = call(item.moves, severity=5, draws=draws, task=task, options=options)
        wanted = (len(data), 3, 3)
        require(tuple(maps.shape) == wanted, f"moves gives {tuple(maps.shape)}; wanted {wanted}")
        smooth = torch.nn.functional.avg_pool2d(data.inputs, 5, 1, 2, count_include_pad=False)
        height, width = task.input_shape[1:]
        y = torch.arange(height, dtype=torch.float64) - (height - 1) / 2
        x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], 2)  # across before down
        places = torch.cat([grid, torch.ones_like(grid[..., :1])], 2).view(-1, 3) @ maps.mT
        read = places[..., :2] / places[..., 2:] * torch.tensor([2 / width, 2 / height])
        expected = torch.nn.functional.grid_sample(
            smooth,
            read.view(-1, height, width, 2).to(smooth.dtype),
            padding_mode="border",
            align_corners=False,
        )
        found = _apply(subject, task, smooth, data.ids, 5)
        off, moved = (float((found - other).abs().mean()) for other in (expected, smooth))
        require(
            off < 0.5 * moved,
            f"images differ by {off:.3g} from what it says they become, by {moved:.3g} from what they were",
        )


CONTRACTS = (
    check_inputs,
    check_leaves_inputs,
    check_draws,
    check_batch,
    check_eight_bit,
    check_changes,
    check_moves,
)
