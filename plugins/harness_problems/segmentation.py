"""Of which class each pixel of an image is: targets are masks ``(height, width)``, outputs a logit for each class and pixel.

A mask holds numbers of classes from 0, and `IGNORE` where nothing is asked, as the masks of Pascal VOC do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import DataError, Finding, LoadedData, Task
from harness.api.reporting import list_some
from harness_problems.class_words import class_name, require_seen

Array = np.ndarray[Any, Any]

IGNORE = 255
FEW = 5  # images with a class, below which nothing can be said of it
OPACITY = 0.65
COLOURS = {  # of classes from 1 on, by turns: twelve that are told apart (after Green-Armytage 2010)
    "red": (230, 25, 75), "green": (60, 180, 75), "yellow": (255, 225, 25), "blue": (0, 130, 200),
    "orange": (245, 130, 48), "purple": (145, 30, 180), "cyan": (70, 240, 240), "magenta": (240, 50, 230),
    "lime": (210, 245, 60), "teal": (0, 128, 128), "brown": (170, 110, 40), "navy": (0, 0, 128),
}  # fmt: skip
_TRAIN, _TEST = 0, 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the masks ``(examples, height, width)`` as uint8.

    Raises:
        DataError: They are of another size than the images, or hold what is the number of no class.
    """
    size = None if loaded.inputs is None else tuple(loaded.inputs.shape[-2:])
    if size is not None and targets.shape[1:] != size:
        raise DataError(
            f"images are of {size[0]} x {size[1]} pixels and masks of {targets.shape[1]} x {targets.shape[2]}; each pixel "
            "has a class"
        )
    if targets.dtype.kind not in "ui":
        raise DataError(f"masks hold whole numbers of classes from 0; got {targets.dtype} values")
    known = len(loaded.class_names) or IGNORE
    if known > IGNORE:
        raise DataError(
            f"there are {known} classes; {IGNORE} are the most, as {IGNORE} itself is no class"
        )
    for place, mask in enumerate(targets):
        wrong = mask[((mask < 0) | (mask >= known)) & (mask != IGNORE)]
        if len(wrong):
            raise DataError(
                f"the mask of {loaded.name_example(place)} has a pixel of class {wrong[0]}; allowed: 0 to {known - 1}, and "
                f"{IGNORE} where nothing is asked"
            )
    return targets.astype(np.uint8, copy=False)


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the number of classes."""
    return len(loaded.class_names) or int(np.max(targets[targets != IGNORE], initial=0)) + 1


def output_shape(outputs: int, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``(classes, height, width)``."""
    return (outputs, *input_shape[-2:])


def _pixels(targets: Array, classes: int) -> Array:
    """Return how many pixels of each class each mask has ``(examples, classes)``."""
    return np.stack([np.bincount(mask.ravel(), minlength=IGNORE + 1)[:classes] for mask in targets])


def strata(targets: Array) -> Array:
    """Return the class of each mask that the fewest masks have: so rare ones are spread over all splits."""
    found = _pixels(targets, IGNORE) > 0
    rarity = np.where(found, found.sum(0), len(targets) + 1)  # of the classes that a mask has
    return np.asarray(rarity.argmin(1))


def check_split(targets: Array, loaded: LoadedData, split: Array) -> None:
    """Refuse one class alone, a test or training that asks for no pixel, and a class to be tested that no training mask has.

    Raises:
        DataError: So it is.
    """
    found = _pixels(targets, width(targets, loaded)) > 0
    train, test = (found[split == code].any(0) for code in (_TRAIN, _TEST))
    for part, code, there in (("training", _TRAIN, train), ("test", _TEST, test)):
        if (split == code).any() and not there.any():
            raise DataError(
                f"no {part} mask has a pixel of a class: all are {IGNORE}, where nothing is asked; give masks that ask"
            )
    if found.any(0).sum() < 2:
        raise DataError(
            f"all pixels are of one class, but for those of {IGNORE}, where nothing is asked; there is nothing to tell apart. Give "
            "masks with another class, and see that its value is not the one that is ignored"
        )
    if (split == _TRAIN).any():
        require_seen(train, test, loaded, "mask")


def look(targets: Array, split: Array, task: Task) -> Iterator[Finding]:
    """Yield a finding where classes are in too few masks to say anything of them."""
    found = _pixels(targets, task.outputs) > 0
    every, tested = found.sum(0), found[split == _TEST].sum(0)
    tiny = [c for c in range(task.outputs) if every[c] < FEW or not tested[c]]
    if not tiny or not (split == _TEST).any():
        return
    words = [f"{class_name(task, c)} ({every[c]}, {tested[c]} in test)" for c in tiny]
    yield Finding(
        code="rare-classes",
        sentence=f"{len(tiny)} of {task.outputs} classes {'is' if len(tiny) == 1 else 'are'} in fewer than {FEW} masks or in none "
        f"to test on: {list_some(words)}.",
        advice="Collect more images with them, join them to other classes or leave them out: each class weighs the same in "
        "mIoU, and one that neither masks nor answers have does not count.",
        numbers={"classes": len(tiny)},
    )


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sum over images of the mean cross-entropy of their pixels, in nats; those that are ignored do not count."""
    losses = functional.cross_entropy(
        outputs.float(), targets.long(), ignore_index=IGNORE, reduction="none"
    )
    asked = (targets != IGNORE).flatten(1).sum(1).clamp_min(1)
    return (losses.flatten(1).sum(1) / asked).sum()


def answer(outputs: Tensor) -> Tensor:
    """Return the class of the largest logit of each pixel, uint8 ``(batch, height, width)``."""
    return outputs.argmax(1).to(torch.uint8)


def tally(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the pixels of each class where answer and mask agree, and where one of both has it: ``(batch, classes, 2)``."""
    classes = outputs.shape[1]
    asked = targets != IGNORE
    pairs = (targets.long() * classes + outputs.argmax(1)).masked_fill(~asked, classes * classes)
    table = torch.stack([torch.bincount(one, minlength=classes**2 + 1) for one in pairs.flatten(1)])
    table = table[:, :-1].view(-1, classes, classes)  # of each image, by class and answer
    both = table.diagonal(dim1=1, dim2=2)
    either = table.sum(1) + table.sum(2) - both
    return torch.stack([both, either], 2).double()


def sum_up(tallies: Array, counts: Array) -> Array:
    """Return mIoU: the mean over classes of intersection over union, each summed over images ``(samples,)``.

    A class that neither a mask nor an answer of a sample has is left out of its mean.

    Source: Everingham et al. 2015, "The Pascal visual object classes challenge: a retrospective", section 3.1.3; Long, Shelhamer &
    Darrell 2015, arXiv:1411.4038, section 5.
    """
    both, either = np.moveaxis(np.tensordot(counts, tallies, 1), 2, 0)  # (samples, classes)
    there = either != 0
    shares = both / np.where(there, either, 1.0)
    return np.asarray((shares * there).sum(1) / np.maximum(there.sum(1), 1))


def of_classes(tallies: Array, counts: Array) -> Array:
    """Return the intersection over union of each class ``(samples, classes)``; NaN of one that no mask and no answer has."""
    both, either = np.moveaxis(np.tensordot(counts, tallies, 1), 2, 0)
    return np.where(either > 0, both / np.where(either > 0, either, 1.0), np.nan)


def move(targets: Tensor, maps: Tensor) -> Tensor:
    """Return masks as the images' parts have moved, read at the nearest pixels; what was outside an image is not asked for."""
    height, width = targets.shape[1:]
    there = targets.device
    y = torch.arange(height, dtype=torch.float64, device=there) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64, device=there) - (width - 1) / 2
    across, down = x.expand(height, width), y[:, None].expand(height, width)
    places = torch.stack([across, down, torch.ones_like(across)], 2)
    across, down, depth = torch.einsum("bij,hwj->bihw", maps.double().to(there), places).unbind(1)
    columns = (across / depth + width / 2).floor().long()  # of the pixel whose centre is nearest
    rows = (down / depth + height / 2).floor().long()
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    index = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    found = targets.flatten(1).gather(1, index.flatten(1)).view_as(targets)
    return found.masked_fill(~inside, IGNORE)


def fooled(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether an adversary has what it wants ``(batch,)``: the mean IoU of the classes that a mask has is below a half.

    A share of pixels would call the largest class everywhere, such as background, robust.
    """
    both, either = tally(outputs, targets).unbind(2)
    there = _has(targets, outputs.shape[1])
    shares = (both / either.clamp_min(1) * there).sum(1)
    return 2 * shares < there.sum(1)


def _has(targets: Tensor, classes: int) -> Tensor:
    """Return which classes each mask has ``(batch, classes)`` bool; a mask may be asked for nothing."""
    places = targets.flatten(1).long().masked_fill(targets.flatten(1) == IGNORE, classes)
    found = torch.zeros(len(targets), classes + 1, dtype=torch.bool, device=targets.device)
    return found.scatter_(1, places, True)[:, :-1]


def baseline(targets: Array, width: int) -> Array:
    """Return the logarithms of the classes' shares of an image's pixels ``(classes, 1, 1)``: the largest class everywhere."""
    counts = _pixels(targets, width).astype(np.float64)
    shares = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).mean(0)
    return np.asarray(np.log(np.maximum(shares, 0.5 / max(1, counts.sum()))))[:, None, None]


def paint(pictures: Tensor, targets: Tensor) -> Tensor:
    """Return pictures ``(batch, height, width, 3)`` tinted by class; class 0 leaves them as they are, ignored pixels are white.

    pictures may be smaller than masks ``(batch, height, width)``: these are read at the nearest pixels.
    """
    size = tuple(pictures.shape[1:3])
    masks = functional.interpolate(targets[:, None].float(), size, mode="nearest-exact")[
        :, 0
    ].long()
    palette = torch.tensor([*COLOURS.values()])
    tint = palette[(masks.cpu() - 1) % len(COLOURS)]
    tint[masks.cpu() == IGNORE] = 255
    mixed = OPACITY * tint + (1 - OPACITY) * pictures
    return torch.where((masks.cpu() == 0)[..., None], pictures, mixed.round().to(torch.uint8))


def paint_words(task: Task) -> str:
    """Return which colour is which class."""
    names = [class_name(task, c) for c in range(task.outputs)]
    colours = [*COLOURS]
    if len(names) > len(colours) + 1:
        return f"{names[0]} is left as it is; other classes have {len(colours)} colours by turns. White: not asked for."
    pairs = ", ".join(f"{name} {colour}" for name, colour in zip(names[1:], colours, strict=False))
    return f"Left as it is: {names[0]}; {pairs}. White: not asked for."


def invent(unit: Tensor, task: Task) -> Tensor:
    """Return masks that tell how bright each pixel is, in as many steps as there are classes, the first pixel not asked for."""
    masks = (unit.mean(1) * task.outputs).long().clamp(0, task.outputs - 1).to(torch.uint8)
    masks[:, 0, 0] = IGNORE
    return masks


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"which of {outputs} classes each pixel is of"
