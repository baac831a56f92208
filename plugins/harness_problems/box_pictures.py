"""Pictures with the boxes of detection in them, of targets and of answers, and what their colours mean."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api import Task
from harness_problems.class_words import class_name
from harness_problems.segmentation import COLOURS

SHOWN = 0.3  # score from which on an answer is drawn


def paint(pictures: Tensor, targets: Tensor, task: Task) -> Tensor:
    """Return pictures ``(batch, height, width, 3)`` with the edges of boxes in them, in colours of classes; regions are white.

    pictures may be of another size than images. Of answers those with a score of 0.3 or more are drawn, the best last.
    """
    high, wide = pictures.shape[1:3]
    scale = torch.tensor([wide / task.input_shape[-1], high / task.input_shape[-2]] * 2)
    palette = torch.tensor([*COLOURS.values()], dtype=torch.uint8)
    thick = max(1, round(min(high, wide) / 100))
    painted = pictures.clone()
    for picture, rows in zip(painted, targets.cpu(), strict=True):
        for row in rows[rows[:, 4] >= 0].flip(0):
            if 0 < float(row[5]) < SHOWN:
                continue
            colour = palette[int(row[4]) % len(COLOURS)] if row[5] > 0 else torch.tensor(255)
            left, top, right, bottom = (row[:4] * scale).round().int().tolist()
            inner = (slice(top + thick, bottom - thick), slice(left + thick, right - thick))
            kept = picture[inner].clone()
            picture[top:bottom, left:right] = colour.to(picture)
            picture[inner] = kept
    return painted


def paint_words(task: Task) -> str:
    """Return which colour is which class."""
    names = [class_name(task, c) for c in range(task.outputs)]
    colours = [*COLOURS]
    end = f"Answers of a score of {SHOWN} or more are drawn. White: not asked for."
    if len(names) > len(colours):
        return f"Classes have {len(colours)} colours by turns. {end}"
    pairs = ", ".join(f"{name} {colour}" for name, colour in zip(names, colours, strict=False))
    return f"Boxes: {pairs}. {end}"
