"""Images before and after an attack as one PNG: clean, perturbation, adversarial, a row an example."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api.measuring import Picture, draw_picture

LEAST_SIDE, MOST_SIDE = 96, 224  # pixels of the longer side of an image
MOST_BYTES = 200_000
GREY, AMPLITUDE = 128, 127  # levels of no change, and of the largest change in either direction


@dataclass(frozen=True)
class ExampleImages:
    """A picture of examples, three images each.

    factors: of each example that is drawn, how many times stronger its perturbation is drawn than it is; None
        where there is none.
    """

    picture: Picture
    factors: tuple[float | None, ...]

    @property
    def size(self) -> int:
        """The number of bytes of the picture's file."""
        return len(self.picture.png() or b"")


Drawn = Callable[[Tensor], Tensor]


def draw_examples(
    clean: Tensor,
    perturbed: Tensor,
    low: float,
    high: float,
    drawn_into: tuple[Drawn, Drawn] | None = None,
) -> ExampleImages:
    """Draw pairs of images ``(examples, channels, height, width)`` in the range [low, high].

    low is black and high is white. A perturbation is grey where it is zero, and scaled so that its
    largest change in either direction is nearly black or white. Images of neither one nor three channels
    are averaged over their channels. Small images are enlarged by whole factors without smoothing,
    large ones averaged over areas. drawn_into: what draws answers into pictures ``(examples, height, width, 3)`` uint8, of the clean
    and of the perturbed ones. What would be larger than MOST_BYTES is drawn smaller, then with
    fewer examples.
    """
    rows, side = len(clean), min(MOST_SIDE, max(clean.shape[-2:]))
    drawn = _draw(clean, perturbed, low, high, side, drawn_into)
    while drawn.size > MOST_BYTES and (side > LEAST_SIDE or rows > 1):
        fits = MOST_BYTES / drawn.size
        if side > LEAST_SIDE:
            side = max(LEAST_SIDE, int(0.95 * side * math.sqrt(fits)))
        else:
            rows = max(1, min(rows - 1, int(rows * fits)))
        drawn = _draw(clean[:rows], perturbed[:rows], low, high, side, drawn_into)
    return drawn


def _draw(
    clean: Tensor,
    perturbed: Tensor,
    low: float,
    high: float,
    side: int,
    drawn_into: tuple[Drawn, Drawn] | None,
) -> ExampleImages:
    before, after = (_resize(_colours(images), side) for images in (clean, perturbed))
    delta = after - before
    most = delta.abs().flatten(1).amax(1)
    unit = torch.where(most > 0, most, torch.ones_like(most))[:, None, None, None]
    columns = (
        _levels(before, low, high),
        (GREY + AMPLITUDE * delta / unit).round(),
        _levels(after, low, high),
    )
    images = torch.stack(columns, 1).permute(0, 1, 3, 4, 2).to(torch.uint8)
    if drawn_into is not None:
        images = images.expand(*images.shape[:-1], 3).clone()
        for column, draw in zip((0, 2), drawn_into, strict=True):
            images[:, column] = draw(images[:, column])
    return ExampleImages(
        picture=draw_picture((images[..., 0] if images.shape[-1] == 1 else images).numpy()),
        factors=tuple(
            AMPLITUDE * (high - low) / (255 * one) if one > 0 else None for one in most.tolist()
        ),
    )


def _colours(images: Tensor) -> Tensor:
    """Return what can be seen of images: one channel or three, in float64 on the CPU."""
    images = images.detach().to("cpu", torch.float64)
    return images if images.shape[1] in (1, 3) else images.mean(1, keepdim=True)


def _resize(images: Tensor, side: int) -> Tensor:
    """Return images of no longer side; `draw_picture` enlarges those that are small."""
    height, width = images.shape[-2:]
    longer = max(height, width)
    if longer > side:
        size = [max(1, round(edge * side / longer)) for edge in (height, width)]
        return nn.functional.interpolate(images, size, mode="area")
    return images


def _levels(images: Tensor, low: float, high: float) -> Tensor:
    return (255 * (images - low) / (high - low)).round().clamp(0, 255)
