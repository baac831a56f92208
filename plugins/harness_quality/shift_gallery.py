"""The first test examples under each shift at each severity: pictures, and what the model answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import MeasureContext
from harness.api.measuring import (
    GalleryExample,
    Pane,
    Sheet,
    draw_picture,
    image_levels,
    significant,
)
from harness_quality.answer_gallery import answers_to, headline_words, painted
from harness_quality.evaluate import Classified, Graded, Regressed

MOST_SIDE = 96  # pixels of the longer side of an image, of which a sheet may have a hundred
Array = np.ndarray[Any, Any]
Pair = tuple[str, int]
Answers = Mapping[Pair, Classified | Regressed | Graded]


def shift_sheets(
    context: MeasureContext,
    clean: Tensor,
    targets: Array,
    shifted: Mapping[Pair, Tensor],
    answers: Answers,
) -> Iterator[Sheet]:
    """Yield a sheet for each example: a row for each shift, the clean picture and one for each severity.

    clean: pictures ``(examples, channels, height, width)`` of the test examples with the smallest ids, and their targets. shifted: the
    same ones, of each shift at all severities. answers: of all test examples, in the order of the ids.
    """
    severities = sorted({severity for _, severity in shifted})
    shifts = [
        shift
        for shift in dict.fromkeys(shift for shift, _ in shifted)
        if all(
            (shift, severity) in shifted for severity in severities
        )  # else it was left out at one
    ]
    for row in range(len(clean) if shifts else 0):
        rows = []
        for shift in shifts:
            own = [clean[row], *(shifted[shift, severity][row] for severity in severities)]
            rows.append(_drawn(context, torch.stack(own)))
        yield Sheet(
            title=f"test example {row + 1}, {_wanted(context, targets[row])}",
            count=f"{len(shifts)} shifts at {len(severities)} severities",
            examples=tuple(_row(context, shift, severities, answers, row) for shift in shifts),
            picture=draw_picture(torch.stack(rows)),
        )


def _row(
    context: MeasureContext, shift: str, severities: Sequence[int], answers: Answers, row: int
) -> GalleryExample:
    shown = [Pane(title="clean")]
    for severity in severities:
        name, words = _said(context, answers[shift, severity], row)
        shown.append(Pane(title=f"severity {severity}", name=name, words=words))
    return GalleryExample(caption=shift, panes=tuple(shown))


def _drawn(context: MeasureContext, images: Tensor) -> Tensor:
    """Return pictures, of a problem that paints its answers with these in them."""
    task = context.task
    levels: Tensor = image_levels(images, task.low, task.high, MOST_SIDE)
    if task.problem_item.paint is None:
        return levels
    return painted(task, levels, answers_to(context, images))


def _said(
    context: MeasureContext, answers: Classified | Regressed | Graded, row: int
) -> tuple[str, str]:
    """Return what is answered, and how surely; of what is painted how good it is."""
    if isinstance(answers, Graded):
        return "", headline_words(context.task, answers.parts[row : row + 1])[0]
    if isinstance(answers, Regressed):
        value = float(answers.prediction[row])
        return significant(value, 4) if math.isfinite(value) else "no number", ""
    confidence = float(answers.confidence[row])
    return (
        _class_name(context, int(answers.prediction[row])),
        f"{100 * confidence:.1f} %" if math.isfinite(confidence) else "no number",
    )


def _wanted(context: MeasureContext, target: Any) -> str:
    if context.task.problem_item.paint is not None:
        return "with the answer drawn into it"
    if context.task.problem == "classification":
        return f"of class {_class_name(context, int(target))}"
    return f"whose target is {significant(float(target), 4)}"


def _class_name(context: MeasureContext, number: int) -> str:
    names = context.task.class_names
    return names[number] if number < len(names) else str(number)
