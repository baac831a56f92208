"""Pictures of examples whose answer is another one in the pipeline of a deployment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import Examples, MeasureContext
from harness.api.measuring import (
    GalleryExample,
    Pane,
    Sheet,
    draw_picture,
    image_levels,
    take_inputs,
)

Array = np.ndarray[Any, np.dtype[Any]]
MOST_SIDE = 160  # pixels of the longer side of an image


@dataclass(frozen=True)
class Answers:
    """ids, logits ``(n, classes)`` in float32 and targets ``(n,)``, in the order of ids."""

    ids: Array
    logits: Array
    targets: Array

    @property
    def predictions(self) -> Array:
        """The predicted classes."""
        return np.asarray(self.logits.argmax(1))

    @property
    def correct(self) -> Array:
        """Which are right; an answer that is not finite is none."""
        finite = np.isfinite(self.logits).all(1)
        return np.asarray((self.predictions == self.targets) & finite)


@dataclass(frozen=True)
class Deployed:
    """What a pipeline answers, of the examples that it is given."""

    answers: Answers
    examples: Examples


def flip_sheets(
    context: MeasureContext, before: Deployed, after: Mapping[str, Deployed], most: int
) -> Iterator[Sheet]:
    """Yield a sheet for each pipeline under which an answer flipped: the examples with the smallest ids, `most` of them.

    Of images two pictures each, as the reference pipeline and the other one are given them; of all both answers.
    """
    for name, other in after.items():
        flipped = np.flatnonzero(before.answers.predictions != other.answers.predictions)
        if not len(flipped):
            continue
        rows = flipped[:most]
        examples = tuple(_example(context, before.answers, other.answers, int(row)) for row in rows)
        picture = None
        if context.task.modality == "image":
            ids = before.answers.ids[rows].tolist()
            task = context.task
            pair = [take_inputs(one.examples, ids) for one in (before, other)]
            images = [image_levels(one, task.low, task.high, MOST_SIDE) for one in pair]
            picture = draw_picture(torch.stack(images, 1))
        yield Sheet(
            title=name,
            count=f"the first {len(rows)} of {len(flipped):,} whose answer is another",
            examples=examples,
            picture=picture,
        )


def _example(context: MeasureContext, before: Answers, after: Answers, row: int) -> GalleryExample:
    panes = [
        Pane(
            title=title,
            name=_name(context, int(one.predictions[row])),
            words=_sure(one.logits[row]),
        )
        for title, one in (("reference", before), ("deployed", after))
    ]
    target = _name(context, int(before.targets[row]))
    return GalleryExample(caption=f"of class {target}", panes=tuple(panes))


def _name(context: MeasureContext, number: int) -> str:
    names = context.task.class_names
    return names[number] if number < len(names) else str(number)


def _sure(logits: Array) -> str:
    confidence = float(torch.from_numpy(logits).double().softmax(0).max())
    return f"{100 * confidence:.1f} %" if math.isfinite(confidence) else "no number"
