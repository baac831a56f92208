"""The first test examples of a problem that paints its answers: the picture, the target in it, and what a model answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import MeasureContext, Task
from harness.api.measuring import (
    GalleryExample,
    Pane,
    Sheet,
    call,
    draw_picture,
    image_levels,
    resolve,
)
from harness_quality.evaluate import grader
from harness_quality.shown import ACCURACY

Array = np.ndarray[Any, Any]

MOST_SIDE = 160  # pixels of the longer side of an image


def answer_sheets(context: MeasureContext, count: int) -> Iterator[Sheet]:
    """Yield a sheet of so many test examples; none of a problem that paints nothing.

    Each is told with its own headline, which is that of a sample of this example alone.
    """
    task, item = context.task, context.task.problem_item
    if item.paint is None or item.answer is None or not count:
        return
    inputs, targets, _ = next(iter(context.split("test").batches(count)))
    outputs = _outputs(context, inputs)
    told = headline_words(task, grader(task)(outputs, targets).double().cpu().numpy())
    levels = image_levels(inputs, task.low, task.high, MOST_SIDE)
    pictures = _in_colour(levels)
    both = [painted(task, levels, one) for one in (targets, call(item.answer, outputs=outputs))]
    words = "" if item.paint_words is None else call(item.paint_words, task=task)
    yield Sheet(
        title="test examples",
        count=f"the first {len(told)}",
        notes=(words,) if words else (),
        examples=tuple(
            GalleryExample(
                caption=f"test example {place + 1}",
                panes=(
                    Pane(title="image"),
                    Pane(title="target"),
                    Pane(title="answer", words=value),
                ),
            )
            for place, value in enumerate(told)
        ),
        picture=draw_picture(torch.stack([pictures, *both], 1)),
    )


def answers_to(context: MeasureContext, inputs: Tensor) -> Tensor:
    """Return what the model answers to inputs, in the form of targets."""
    answer = context.task.problem_item.answer
    assert answer is not None
    answers: Tensor = call(answer, outputs=_outputs(context, inputs))
    return answers


def painted(task: Task, levels: Tensor, targets: Tensor) -> Tensor:
    """Return pictures, grey or in colour, with targets or answers in them: ``(batch, height, width, 3)`` uint8."""
    paint = task.problem_item.paint
    assert paint is not None
    found: Tensor = call(paint, pictures=_in_colour(levels), targets=targets.cpu(), task=task)
    return found


def headline_words(task: Task, parts: Array) -> list[str]:
    """Return the headline of each example alone, in words."""
    item, told = task.problem_item, parts
    if item.grade is None:
        assert item.sum_up is not None
        told = resolve(item.sum_up)(parts, np.eye(len(parts)))
    titles = {one.metric: one.title for one in ACCURACY}
    name = titles.get(task.headline) or task.headline.replace("_", " ")
    shown = [f"{100 * one:.1f} %" if item.unit == "fraction" else f"{one:.4g}" for one in told]
    return [f"{name} {value}" for value in shown]


def _outputs(context: MeasureContext, inputs: Tensor) -> Tensor:
    with torch.inference_mode(), context.autocast():
        outputs: Tensor = context.model(inputs).float()
    return outputs


def _in_colour(levels: Tensor) -> Tensor:
    return levels if levels.dim() == 4 else levels[..., None].expand(*levels.shape, 3)
