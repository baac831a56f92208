"""How networks that were made for images of 224 pixels read smaller ones: where maps are halved, and where not."""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST_MAP = 4


def strides(side: int, steps: int) -> list[int]:
    """Return the stride, 2 or 1, of each of so many steps that halve maps of `side` pixels.

    A step halves unless that would leave fewer than 4 pixels: 8 pixels are halved once, 32 three times.
    """
    found = []
    for _ in range(steps):
        halves = side >= 2 * SMALLEST_MAP
        side = side // 2 if halves else side
        found.append(2 if halves else 1)
    return found


def stem_stride(side: int, steps: int, choices: Sequence[int]) -> int:
    """Return how many times smaller a stem makes images of `side` pixels, before `steps` that halve its maps.

    It is the largest of the choices after which every step leaves at least 4 pixels, or the last one: with strides of 4 or 1
    and three steps, networks for ImageNet have their published stem from 128 pixels on, and that of CIFAR below.
    """
    for stride in choices:
        if side // stride >= SMALLEST_MAP * 2**steps:
            return stride
    return choices[-1]
