"""Attributions of examples for a gallery: maps beside an image, lines over a sequence, bars of a row of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from harness.api import Task
from harness.api.measuring import (
    Bar,
    GalleryExample,
    Pane,
    Sheet,
    Trace,
    draw_picture,
    image_levels,
)

MOST_SIDE = 96  # pixels of the longer side of an image
MOST_BARS = 8  # features of a row of a table


def attribution_sheets(
    task: Task, inputs: Tensor, titles: Sequence[str], sets: Mapping[str, Mapping[str, Tensor]]
) -> Iterator[Sheet]:
    """Yield a sheet for each set of attributions, such as those of random weights.

    inputs: ``(examples, *input_shape)``. titles: of each example. sets: by their titles, attributions ``(examples, *parts)`` by
    method.
    """
    for title, by_method in sets.items():
        count = f"the first {len(titles)} test examples by id"
        if len(task.input_shape) == 3:
            yield _pictures(task, inputs, titles, title, count, by_method)
            continue
        examples = tuple(
            _drawn(task, f"{caption}, {method}", values[row])
            for row, caption in enumerate(titles)
            for method, values in by_method.items()
        )
        yield Sheet(title=title, count=count, examples=examples)


def _pictures(
    task: Task,
    inputs: Tensor,
    titles: Sequence[str],
    title: str,
    count: str,
    by_method: Mapping[str, Tensor],
) -> Sheet:
    levels = [image_levels(inputs, task.low, task.high, MOST_SIDE)]
    for values in by_method.values():
        sizes = values.abs().flatten(1).amax(1).clamp(min=torch.finfo(torch.float32).tiny)
        shares = values.abs() / sizes.view(-1, 1, 1)
        levels.append(image_levels(shares[:, None], 0.0, 1.0, MOST_SIDE))
    if levels[0].dim() == 4:  # in colour
        levels[1:] = [one[..., None].expand_as(levels[0]) for one in levels[1:]]
    return Sheet(
        title=title,
        count=count,
        notes=("White is what matters most, in each map by itself; signs are left out.",),
        examples=tuple(
            GalleryExample(
                caption=caption,
                panes=(Pane(title="image"), *(Pane(title=method) for method in by_method)),
            )
            for caption in titles
        ),
        picture=draw_picture(torch.stack(levels, 1)),
    )


def _drawn(task: Task, caption: str, values: Tensor) -> GalleryExample:
    """Return the attributions of one example ``(parts,)`` as a line over steps, or as bars of features."""
    shares = (values / values.abs().sum().clamp(min=torch.finfo(values.dtype).tiny)).tolist()
    if len(task.input_shape) == 2:
        line = {"attribution": tuple(float(f"{share:.4g}") for share in shares)}
        trace = Trace(title="share by step", steps=len(shares), lines=line)
        return GalleryExample(caption=caption, traces=(trace,))
    order = sorted(range(len(shares)), key=lambda place: -abs(shares[place]))[:MOST_BARS]
    names = task.feature_names
    bars = tuple(
        Bar(title=names[at] if names else f"feature {at}", share=float(f"{shares[at]:.4g}"))
        for at in order
    )
    return GalleryExample(caption=caption, bars=bars)
