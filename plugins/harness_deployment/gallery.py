"""Pictures of examples whose answer is another one in the pipeline of a deployment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Examples, MeasureContext
from harness.api.measuring import GalleryExample, Pane, Sheet, draw_picture

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
            ids = before.answers.ids[rows]
            task = context.task
            pair = [_take(one.examples, ids) for one in (before, other)]
            images = torch.stack([_levels(one, task.low, task.high) for one in pair], 1)
            picture = draw_picture(images.squeeze(-1) if images.shape[-1] == 1 else images)
        yield Sheet(
            title=name,
            count=f"the first {len(rows)} of {len(flipped):,} whose answer is another",
            examples=examples,
            picture=picture,
        )


def _take(examples: Examples, ids: Array) -> Tensor:
    """Return the inputs of examples with these ids, in the order of ids; batches end with the last of them."""
    found: dict[int, Tensor] = {}
    for inputs, _, there in examples.batches(64):
        held = there.cpu().numpy()
        found |= {int(held[at]): inputs[at].cpu() for at in np.flatnonzero(np.isin(held, ids))}
        if len(found) == len(ids):
            break
    return torch.stack([found[int(one)] for one in ids])


def _levels(images: Tensor, low: float, high: float) -> Tensor:
    """Return images ``(n, channels, height, width)`` as uint8 ``(n, height, width, 1 or 3)``, no larger than they are shown."""
    shown = images if images.shape[1] in (1, 3) else images.mean(1, keepdim=True)
    height, width = shown.shape[-2:]
    if max(height, width) > MOST_SIDE:
        scale = MOST_SIDE / max(height, width)
        size = [max(1, round(side * scale)) for side in (height, width)]
        shown = nn.functional.interpolate(shown, size, mode="area")
    levels = (255 * (shown - low) / (high - low)).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1)


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
