"""Checks of what an attack is told: the box, the radii, the classes, and the accuracy to begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from harness.api import Attack, Finding, Task
from harness.api.measuring import Chosen, wilson

Array = np.ndarray[Any, Any]

NARROW = 0.05  # of the box: 13 of 256 grey levels
FAINT = 0.1  # of a grey level, a 255th of the box
FAINT_L2 = 10  # of a grey level: an L2 radius is rarely below 0.1 of the box's width
ROUNDING = 1e-5  # of the box's width, by which data may be outside
FEWEST = 10  # examples before a constant answer says anything


@dataclass(frozen=True)
class Extent:
    """Where data lie, against a box.

    count, outside: of examples, and of those with a value outside the box. low, high: the extremes.
    """

    count: int = 0
    outside: int = 0
    low: float = math.inf
    high: float = -math.inf

    def including(self, data: Tensor, box: tuple[float, float]) -> Extent:
        """Return the extent with the examples ``(batch, *shape)`` added."""
        flat = data.flatten(1)
        low, high = flat.amin(1), flat.amax(1)
        slack = ROUNDING * (box[1] - box[0])
        outside = (low < box[0] - slack) | (high > box[1] + slack)
        return Extent(
            self.count + len(data),
            self.outside + int(outside.sum()),
            min(self.low, float(low.min())),
            max(self.high, float(high.max())),
        )


def find_outside(extent: Extent, box: tuple[float, float]) -> list[Finding]:
    """Say that inputs lie outside the box; one is enough, as the data's range is declared."""
    if not extent.outside:
        return []
    return [
        Finding(
            code="outside-box",
            sentence=f"{extent.outside} of {extent.count} inputs have values outside the box "
            f"[{box[0]:g}, {box[1]:g}] of the attacks: they go from {extent.low:.4g} to "
            f"{extent.high:.4g}, and were moved to its edge.",
            advice="Declare the range that the data have (low and high of the data set), or bring the data "
            "into the declared one before the model's first layer.",
            numbers={
                "outside": extent.outside,
                "inputs": extent.count,
                "low": extent.low,
                "high": extent.high,
            },
            flag="inputs outside the box",
        )
    ]


def find_misfit(extent: Extent, box: tuple[float, float]) -> list[Finding]:
    """Say that the data fill less than a twentieth of an image's box.

    Data in [0, 1] fill a 255th of [0, 255]. An image set that fills 13 of 256 grey levels shows nothing.
    """
    width = box[1] - box[0]
    share = (extent.high - extent.low) / width
    if extent.outside or share >= NARROW:
        return []
    return [
        Finding(
            code="box-misfit",
            sentence=f"The inputs go from {extent.low:.4g} to {extent.high:.4g}, which is "
            f"{percent(share)} of the box [{box[0]:g}, {box[1]:g}] in which they are attacked.",
            advice="Declare the range that the data have: if they were divided by 255, the box is [0, 1], and "
            "a radius of 8 grey levels is 8/255.",
            numbers={"share": share, "low": extent.low, "high": extent.high},
            flag="the box does not fit the data",
        )
    ]


def find_outer_normalisation(task: Task) -> list[Finding]:
    """Say that images look standardised, so that epsilon is in deviations and not in grey levels.

    Each channel's mean is within half a deviation of 0 and its deviation between 0.6 and 1.6, which leaves
    room for statistics of another data set, and the range reaches below 0 and above 1. Raw images do
    not reach below 0, images scaled to [-1, 1] not above 1, and others have larger deviations.
    """
    standard = all(abs(mean) < 0.5 for mean in task.mean) and all(
        0.6 < std < 1.6 for std in task.std
    )
    if not standard or not (task.low < 0 and task.high > 1):
        return []
    mean, std = float(np.mean(task.mean)), float(np.mean(task.std))
    return [
        Finding(
            code="outer-normalisation",
            sentence=f"The images look normalised before they reach the model: their mean is {mean:.2f}, their "
            f"deviation {std:.2f} and their range [{task.low:.3g}, {task.high:.3g}], so an epsilon counts "
            "deviations, not grey levels.",
            advice="Give the raw images with their range; the harness normalises in the model's first layer. "
            "Otherwise multiply each epsilon by 1 / the deviation that was divided by.",
            numbers={"mean": mean, "std": std, "low": task.low, "high": task.high},
            flag="inputs are normalised outside the model",
        )
    ]


def find_epsilon_unit(
    norm: str,
    epsilons: Sequence[float],
    box: tuple[float, float],
    shape: tuple[int, ...],
    is_image: bool,
) -> list[Finding]:
    """Say that all radii look as if they were written in another unit.

    Too large: the smallest ball holds the whole box, so it asks for any input at all. Too small, in images: the
    largest one is below a tenth of a grey level (Linf), or below ten (L2, L1: of one pixel alone; radii in
    these norms that mean something are larger), or no coordinate may change (L0). A list in which one radius
    makes sense is taken for a curve to its ends.
    """
    positive = [epsilon for epsilon in epsilons if epsilon > 0]
    if not positive:
        return []
    width, size = box[1] - box[0], math.prod(shape)
    diameters = {"linf": width, "l2": width * math.sqrt(size), "l1": width * size, "l0": size}
    faintest = {"linf": FAINT, "l2": FAINT_L2, "l1": FAINT_L2}.get(norm, 0.0) * width / 255
    where = f"[{box[0]:g}, {box[1]:g}]"
    smallest, largest = min(positive), max(positive)
    numbers = {"smallest": smallest, "largest": largest, "width": width}
    if smallest >= diameters[norm]:
        sentence = (
            f"With an epsilon of {smallest:g} in {norm} every input of the box {where} is in the ball: "
            "any image may become any other."
            if is_image
            else f"With an epsilon of {smallest:g} in {norm} every feature may take any value of its range."
        )
        advice = (
            "Write epsilon in the data's own unit: '8/255' where inputs go from 0 to 1, 8 where they go "
            "to 255."
            if is_image
            else "Write epsilon as a share of each feature's range, such as 0.05."
        )
    elif is_image and largest < faintest:
        sentence = (
            f"An epsilon of {largest:.3g} in {norm} is {largest / width * 255:.2g} of the 255 grey levels of "
            f"the box {where}" + ("." if norm == "linf" else ", for all pixels together.")
        )
        advice = (
            "Write epsilon in the data's own unit: 8 where inputs go from 0 to 255, '8/255' where they go "
            "to 1."
            if norm == "linf"
            else f"Take a radius for {norm}, such as 0.5 in l2 for inputs from 0 to 1; this one looks like one "
            "for linf."
        )
    elif norm == "l0" and largest < 1:
        sentence = f"In l0 an epsilon of {largest:.3g} lets no coordinate change."
        advice = "Write epsilon as the number of coordinates that may change, such as 5."
    else:
        return []
    return [
        Finding(
            code="epsilon-unit",
            sentence=sentence,
            advice=advice,
            numbers=numbers,
            flag="epsilon looks like another unit",
        )
    ]


def find_chance(correct: Array, targets: Array, classes: int) -> list[Finding]:
    """Say that the clean accuracy is that of guessing: within its 95 % interval, or always one class.

    A model whose answer never changes keeps it under every attack.
    """
    n = len(correct)
    share, chance = float(correct.mean()), 1.0 / classes
    answered = set(targets[correct].tolist())
    constant = n >= FEWEST and len(answered) == 1 < len(set(targets.tolist()))
    if wilson(share, n)[0] > chance and not constant:
        return []
    sentence = (
        f"The model is right on {int(correct.sum())} of {n} examples, all of class {min(answered)}, as if it "
        "always gave that answer; then there is nothing to attack."
        if constant
        else f"The clean accuracy, {percent(share)} of {n} examples, cannot be told from guessing among "
        f"{classes} classes ({percent(chance)}); a robust accuracy means little then."
    )
    return [
        Finding(
            code="chance",
            sentence=sentence,
            advice="Train the model to a better accuracy first, and check that its classes are the data's.",
            numbers={"accuracy": share, "chance": chance, "examples": n},
            flag="clean accuracy is that of guessing",
        )
    ]


def find_few_classes(attacks: Sequence[Chosen], classes: int) -> list[Finding]:
    """Say which attacks are defined for more classes than there are, and use what is left of them."""
    names = [
        attack.label
        for attack in attacks
        if isinstance(attack.item, Attack) and attack.item.fewest_classes > classes
    ]
    if not names:
        return []
    return [
        Finding(
            code="few-classes",
            sentence=f"With {classes} classes {', '.join(names)} "
            f"{'is' if len(names) == 1 else 'are'} not what the paper defines: the loss needs more, and the "
            "part of it that is defined was used.",
            advice="Compare these figures with those of the same tool only, and keep another attack beside.",
            numbers={"classes": classes},
        )
    ]


def percent(share: float) -> str:
    """Return "12.3 %"."""
    return f"{100 * share:.1f} %"
