"""`randaugment`: some of fourteen changes at random, all of one magnitude."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

from torch import Tensor

from harness.api import Draws, Task, import_torchvision
from harness_training.options import RandaugmentOptions

CHANGES = (
    *("identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate"),
    *("brightness", "colour", "contrast", "sharpness"),
    *("posterize", "solarize", "autocontrast", "equalize"),
)
_SIGNED = frozenset(CHANGES[1:10])
_SHEAR, _TRANSLATE, _ROTATE, _FACTOR = 0.3, 150 / 331, 30.0, 0.9  # at the magnitude 1


def build(task: Task, options: RandaugmentOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function of images ``(batch, channels, height, width)`` in the task's range.

    Cubuk, Zoph, Shlens & Le 2020, "RandAugment: Practical automated data augmentation with a reduced search space", section 3:
    `number` changes one after another, each drawn from fourteen for each image, at magnitude / 30 of the strengths that
    torchvision has for them, to one side or the other. torchvision changes the pixels. What comes in from outside is
    0, or the end of the range that is nearest to it. Images of other than three channels are taken channel by channel, and have
    no colour.
    """
    import_torchvision()
    functional = import_module("torchvision.transforms.v2.functional")
    width = task.high - task.low
    fill = (min(max(0.0, task.low), task.high) - task.low) / width
    strength = options.magnitude / 30

    def change(inputs: Tensor, draws: Draws) -> Tensor:
        images = ((inputs - task.low) / width).clamp(0, 1)
        chosen = draws.integers("randaugment", len(CHANGES), (options.number,)).cpu()
        sides = draws.integers("randaugment/side", 2, (options.number,)).cpu()
        for turn in range(options.number):
            for number, name in enumerate(CHANGES[1:], start=1):
                for side in (0, 1):
                    now = chosen[:, turn] == number
                    if name in _SIGNED:
                        now &= sides[:, turn] == side
                    elif side:
                        continue
                    rows = now.nonzero()[:, 0].to(images.device)
                    if len(rows):
                        some = strength if side else -strength
                        images[rows] = _apply(functional, name, some, fill, images[rows])
        return task.low + width * images.clamp(0, 1)

    return change


def _apply(functional: Any, name: str, strength: float, fill: float, images: Tensor) -> Tensor:
    """Return images ``(batch, channels, height, width)`` from 0 to 1 after one change, -1 to 1 strong."""
    count, channels, rows, columns = images.shape
    if name == "rotate":
        turned: Tensor = functional.rotate(images, _ROTATE * strength, fill=fill)
        return turned
    if name in ("shear_x", "shear_y", "translate_x", "translate_y"):
        along = name[-1] == "x"
        shear = math.degrees(math.atan(_SHEAR * strength)) if name.startswith("shear") else 0.0
        moved = int(_TRANSLATE * strength * (columns if along else rows))
        moved = moved if name.startswith("translate") else 0
        moved_images: Tensor = functional.affine(
            images,
            angle=0.0,
            translate=[moved, 0] if along else [0, moved],
            scale=1.0,
            shear=[shear, 0.0] if along else [0.0, shear],
            fill=fill,
            center=[0, 0] if name.startswith("shear") else None,
        )
        return moved_images
    if channels != 3:
        if name == "colour":
            return images
        images = images.reshape(-1, 1, rows, columns)
    size = abs(strength)
    changed: Tensor = {
        "brightness": lambda: functional.adjust_brightness(images, 1 + _FACTOR * strength),
        "colour": lambda: functional.adjust_saturation(images, 1 + _FACTOR * strength),
        "contrast": lambda: functional.adjust_contrast(images, 1 + _FACTOR * strength),
        "sharpness": lambda: functional.adjust_sharpness(images, 1 + _FACTOR * strength),
        "posterize": lambda: functional.posterize(images, 8 - round(4 * size)),
        "solarize": lambda: functional.solarize(images, 1 - size),
        "autocontrast": lambda: functional.autocontrast(images),
        "equalize": lambda: functional.equalize(images),
    }[name]()
    return changed.reshape(count, channels, rows, columns)
