"""Images side by side as one PNG, for the galleries of measures."""

from __future__ import annotations

import io
import math
from typing import Any

from harness.catalogue.gallery import Picture

LEAST_SIDE = 96  # pixels of the longer side of an image; smaller ones are enlarged
GAP = 8  # white pixels between images, both ways


def image_levels(images: Any, low: float, high: float, most_side: int) -> Any:
    """Return images as `draw_picture` takes them: low is black and high is white.

    Those of neither one nor three channels are averaged over their channels, and large ones over areas.

    images: a tensor ``(examples, channels, height, width)``. most_side: pixels of the longer side, at most. Returns a tensor of
    uint8 on the CPU, ``(examples, height, width)`` or ``(examples, height, width, 3)``.
    """
    import torch

    shown = images if images.shape[1] in (1, 3) else images.mean(1, keepdim=True)
    height, width = shown.shape[-2:]
    if max(height, width) > most_side:
        scale = most_side / max(height, width)
        size = [max(1, round(side * scale)) for side in (height, width)]
        shown = torch.nn.functional.interpolate(shown, size, mode="area")
    levels = (255 * (shown - low) / (high - low)).round().clamp(0, 255).to(torch.uint8).cpu()
    return levels[:, 0] if levels.shape[1] == 1 else levels.permute(0, 2, 3, 1)


def draw_picture(images: Any) -> Picture:
    """Lay out images of one size, a row for each example.

    images: uint8 ``(examples, columns, height, width)``, grey, or ``(examples, columns, height, width, 3)``,
        red, green and blue: an array of NumPy or a tensor on the CPU. Small ones are enlarged by whole
        factors without smoothing.

    Raises:
        ValueError: They are something else.
    """
    import numpy as np
    from PIL import Image

    drawn = np.asarray(images)
    if drawn.dtype != np.uint8 or drawn.ndim not in (4, 5) or drawn.shape[4:] not in ((), (3,)):
        raise ValueError(
            f"images are {drawn.dtype} {drawn.shape}; give uint8 (examples, columns, height, width) "
            "or (examples, columns, height, width, 3)"
        )
    if not drawn.size:
        raise ValueError(f"images are of shape {drawn.shape}: there is nothing to draw")
    times = max(1, math.ceil(LEAST_SIDE / max(drawn.shape[2:4])))
    drawn = drawn.repeat(times, axis=2).repeat(times, axis=3)
    rows, columns, height, width, *channels = drawn.shape
    cut = Picture(columns=columns, width=width, height=height, gap=GAP, enlarged=times > 1)
    across, down = cut.size(rows)
    sheet = np.full((down, across, *channels), 255, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = drawn[row, column]
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    png = file.getvalue()
    return Picture(
        columns=columns,
        width=width,
        height=height,
        gap=GAP,
        enlarged=times > 1,
        png=lambda: png,
    )
