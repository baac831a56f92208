"""The first test examples of a problem that paints its answers: the picture, the target in it, and what a model answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from harness.api import MeasureContext
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

MOST_SIDE = 160  # pixels of the longer side of an image


def answer_sheets(context: MeasureContext, count: int) -> Iterator[Sheet]:
    """Yield a sheet of so many test examples; none of a problem that paints nothing.

    Each is told with its own headline, which is that of a sample of this example alone.
    """
    task, item = context.task, context.task.problem_item
    if item.paint is None or item.answer is None or not count:
        return
    inputs, targets, _ = next(iter(context.split("test").batches(count)))
    with torch.inference_mode(), context.autocast():
        outputs = context.model(inputs).float()
    told = grader(task)(outputs, targets).double().cpu().numpy()
    if item.grade is None:
        assert item.sum_up is not None
        told = resolve(item.sum_up)(told, np.eye(len(told)))
    levels = image_levels(inputs, task.low, task.high, MOST_SIDE)
    pictures = levels if levels.dim() == 4 else levels[..., None].expand(*levels.shape, 3)
    answers = call(item.answer, outputs=outputs)
    painted = [
        call(item.paint, pictures=pictures, targets=one.cpu(), task=task)
        for one in (targets, answers)
    ]
    words = "" if item.paint_words is None else call(item.paint_words, task=task)
    name = task.headline.replace("_", " ")
    shown = [f"{100 * one:.1f} %" if item.unit == "fraction" else f"{one:.4g}" for one in told]
    yield Sheet(
        title="test examples",
        count=f"the first {len(shown)}",
        notes=(words,) if words else (),
        examples=tuple(
            GalleryExample(
                caption=f"test example {place + 1}",
                panes=(
                    Pane(title="image"),
                    Pane(title="target"),
                    Pane(title="answer", words=f"{name} {value}"),
                ),
            )
            for place, value in enumerate(shown)
        ),
        picture=draw_picture(torch.stack([pictures, *painted], 1)),
    )
