"""Which things are in an image, and where: targets are boxes and their classes, outputs say at each place what box is around it.

A target is `MOST` rows ``(left, top, right, bottom, class, weight)``, edges in pixels from the upper left corner of the image. A row
of class -1 is empty; weight 0 marks a region of which nothing is asked, such as a crowd. Answers have the same form, the
best first, and their score as weight.

Outputs are a map ``(4 + 1 + classes, height / 4, width / 4)``, as of the one level of CenterNet (Zhou, Wang & Krähenbühl 2019,
arXiv:1904.07850: an output stride of 4). A place at the middle of each 4 x 4 pixels says, as in FCOS (Tian et al. 2019,
arXiv:1904.01355): how far away the edges of the box are that it is in, left, top, right and bottom, as logarithms of the
distance over 4 pixels; the logit of how near to the middle of the box it is; and a logit for each class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import DataError, Finding, LoadedData, Task
from harness.api.reporting import list_some
from harness_problems import average_precision
from harness_problems.boxes import area, generalized_overlap, suppress
from harness_problems.class_words import class_name, require_seen

Array = np.ndarray[Any, Any]

MOST = 100  # objects and answers of an image, as in COCO's mAP
STRIDE = 4  # pixels from one place to the next
BOX = 4  # outputs of a place before the logit of its middle
EMPTY = (0.0, 0.0, 0.0, 0.0, -1.0, 0.0)
CANDIDATES = 1000  # of an image that suppression is done among
LEAST_SCORE = 0.05
SUPPRESSED = 0.6  # overlap with a better answer of its class from which on one is dropped
FARTHEST = 8.0  # logarithm of a distance over the stride
ALPHA, GAMMA = 0.25, 2.0  # of the focal loss
LEFT = 0.25  # of a box must be in the image after a move, or nothing is asked of it
SURE = 0.5  # score of a find where there is nothing, by which an adversary has what it wants
FEW = 5  # objects of a class, below which nothing can be said of it
_TRAIN, _TEST = 0, 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the objects ``(examples, 100, 6)`` as float32.

    Raises:
        DataError: A box is empty or reaches out of its image, or is of no class.
    """
    if targets.shape[1:] != (MOST, len(EMPTY)):
        raise DataError(
            f"targets are of the shape {targets.shape}; wanted (examples, {MOST}, {len(EMPTY)}): left, top, right, bottom, class, "
            "weight"
        )
    boxes, there = targets[..., :4].astype(np.float32), targets[..., 4] != -1
    labels, weights = targets[..., 4], targets[..., 5]
    size = (math.inf,) * 2 if loaded.inputs is None else tuple(loaded.inputs.shape[-2:])
    known = len(loaded.class_names) or math.inf
    reach = np.array([size[1], size[0], size[1], size[0]])
    wrong = {
        "is not finite": ~np.isfinite(targets).all(2),
        "has a right or lower edge that is not beyond its left or upper one": there & ~(boxes[..., 2:] > boxes[..., :2]).all(2),
        f"reaches out of its image of {size[1]} x {size[0]} pixels": there & ~((boxes >= 0) & (boxes <= reach)).all(2),
        f"is of no class; allowed: 0 to {known - 1}": there & ~((labels >= 0) & (labels < known) & (labels == np.rint(labels))),
        "has another weight than 1, or 0 where nothing is asked": there & ~np.isin(weights, (0, 1)),
    }  # fmt: skip
    for words, where in wrong.items():
        if where.any():
            example, row = np.argwhere(where)[0]
            raise DataError(
                f"box {row + 1} of {loaded.name_example(int(example))}, {targets[example, row].tolist()}, {words}"
            )
    return np.where(there[..., None], targets, EMPTY).astype(np.float32)


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the number of classes."""
    return len(loaded.class_names) or int(np.max(targets[..., 4], initial=0)) + 1


def output_shape(outputs: int, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``(5 + classes, height, width)`` of the map, its sides those of the image over 4, rounded up."""
    return (BOX + 1 + outputs, *(-(-side // STRIDE) for side in input_shape[-2:]))


def _objects(targets: Array, classes: int) -> Array:
    """Return how many objects of each class each image has ``(examples, classes)``; regions do not count."""
    counts = (targets[..., 4] >= 0) & (targets[..., 5] > 0)
    labels = np.where(counts, targets[..., 4], classes).astype(np.int64)
    return np.stack([np.bincount(row, minlength=classes + 1)[:classes] for row in labels])


def strata(targets: Array) -> Array:
    """Return the class of each image that the fewest have, or a number of their own for images of nothing."""
    classes = int(targets[..., 4].max(initial=0)) + 1
    found = _objects(targets, classes) > 0
    rarity = np.where(found, found.sum(0), len(targets) + 1)
    return np.where(found.any(1), rarity.argmin(1), classes)


def check_split(targets: Array, loaded: LoadedData, split: Array) -> None:
    """Refuse training or a test without an object, and a class to be tested that no training image has.

    Raises:
        DataError: So it is.
    """
    found = _objects(targets, width(targets, loaded)) > 0
    train, test = (found[split == code].any(0) for code in (_TRAIN, _TEST))
    for part, code, there in (("training", _TRAIN, train), ("test", _TEST, test)):
        if (split == code).any() and not there.any():
            raise DataError(
                f"no {part} image has an object; of boxes that are all missing or crowds nothing can be learnt or told. Give more images"
            )
    if (split == _TRAIN).any():
        require_seen(train, test, loaded, "image")


def look(targets: Array, split: Array, task: Task) -> Iterator[Finding]:
    """Yield a finding where classes have too few objects to say anything of them, and one where boxes are too small for the map."""
    found = _objects(targets, task.outputs)
    every, tested = found.sum(0), found[split == _TEST].sum(0)
    rare = [c for c in range(task.outputs) if every[c] < FEW or not tested[c]]
    if rare and (split == _TEST).any():
        words = [f"{class_name(task, c)} ({every[c]}, {tested[c]} in test)" for c in rare]
        yield Finding(
            code="rare-classes",
            sentence=f"{len(rare)} of {task.outputs} classes {'has' if len(rare) == 1 else 'have'} fewer than {FEW} objects or none "
            f"to test on: {list_some(words)}.",
            advice="Collect more images with them, join them to other classes or leave them out: each class that has objects "
            "weighs the same in mAP, and one that has none does not count.",
            numbers={"classes": len(rare)},
        )
    there = (targets[..., 4] >= 0) & (targets[..., 5] > 0)
    sides = (targets[..., 2:4] - targets[..., :2]).min(2)[there]
    tiny = float((sides < STRIDE).mean()) if len(sides) else 0.0
    if tiny > 0.1:
        yield Finding(
            code="small-boxes",
            sentence=f"{tiny:.0%} of the boxes are less than {STRIDE} pixels wide or high, as images are given to models.",
            advice="Give images larger, by size=, or cut them into tiles: an answer is given for each 4 x 4 pixels.",
            numbers={"share": tiny},
        )


def places(height: int, width: int, device: torch.device) -> Tensor:
    """Return the middles of the places of a map in pixels, ``(height * width, 2)``, across and down, row by row."""
    down, across = (
        STRIDE * (torch.arange(side, device=device, dtype=torch.float32) + 0.5)
        for side in (height, width)
    )
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)], 2).view(
        -1, 2
    )


def boxes_of(outputs: Tensor) -> Tensor:
    """Return the box that each place says it is in ``(batch, places, 4)``."""
    distances = STRIDE * outputs[:, :BOX].float().flatten(2).clamp(-FARTHEST, FARTHEST).exp()
    left, top, right, bottom = distances.unbind(1)
    height, width = outputs.shape[2:]
    across, down = places(height, width, outputs.device).unbind(1)
    return torch.stack([across - left, down - top, across + right, down + bottom], 2)


def assign(targets: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return which row of its target each place of a map is to tell of, -1: none, and whether it is asked ``(batch, places)``.

    A place is an object's where it lies in its box, or in the 4 x 4 pixels about its middle; of several the smallest one's. Of a
    place in a region alone nothing is asked. Section 3.1 of Tian et al. 2019.
    """
    middle = places(height, width, targets.device)[None, :, None]
    wide = widened(targets[..., :4])
    inside = (middle > wide[:, None, :, :2]) & (middle < wide[:, None, :, 2:])
    there = inside.all(3) & (targets[:, None, :, 4] >= 0)  # (batch, places, rows)
    real = there & (targets[:, None, :, 5] > 0)
    sizes = area(targets[..., :4])[:, None].expand_as(real).masked_fill(~real, torch.inf)
    least, row = sizes.min(2)
    positive = least.isfinite()
    return row.masked_fill(~positive, -1), positive | ~there.any(2)


def widened(boxes: Tensor) -> Tensor:
    """Return boxes ``(..., 4)`` that are made as large as a place at least, so that each has one."""
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    least = STRIDE / 2 * 1.001
    low = torch.minimum(boxes[..., :2], middle - least)
    high = torch.maximum(boxes[..., 2:], middle + least)
    return torch.cat([low, high], -1)


def middleness(boxes: Tensor, middle: Tensor) -> Tensor:
    """Return how near places are to the middles of their boxes, 0 to 1: equation 3 of Tian et al. 2019.

    boxes: ``(..., 4)``. middle: ``(..., 2)``.
    """
    low, high = (middle - boxes[..., :2]).clamp_min(0), (boxes[..., 2:] - middle).clamp_min(0)
    shares = torch.minimum(low, high) / torch.maximum(low, high).clamp_min(1e-6)
    return (shares[..., 0] * shares[..., 1]).sqrt()


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sum over images of FCOS's loss: of classes, boxes and middles, each over the number of its places in a box.

    Focal loss of a logit for each class (alpha 0.25, gamma 2; Lin et al. 2017, arXiv:1708.02002), 1 - GIoU of boxes
    and cross-entropy of middles. The paper divides by the places of a batch; here each image weighs the same.
    """
    used = (targets[..., 4] >= 0).any(0)
    used[0] = True
    targets = targets[:, used]
    height, width = outputs.shape[2:]
    row, asked = assign(targets, height, width)
    positive = row >= 0
    own = targets.gather(1, row.clamp_min(0)[..., None].expand(-1, -1, targets.shape[2]))
    number = positive.sum(1).clamp_min(1)
    logits = outputs[:, BOX + 1 :].float().flatten(2).transpose(1, 2)  # (batch, places, classes)
    wanted = torch.zeros_like(logits)
    wanted.scatter_(2, own[..., 4:5].long().clamp_min(0), positive[..., None].float())
    of_classes = (focal(logits, wanted).sum(2) * asked).sum(1)
    boxes, truth = boxes_of(outputs), own[..., :4].float()
    apart = torch.where(positive, 1 - generalized_overlap(boxes, truth), 0.0).sum(1)
    near = middleness(widened(truth), places(height, width, outputs.device))
    said = outputs[:, BOX].float().flatten(1)
    off = functional.binary_cross_entropy_with_logits(said, near, reduction="none")
    return ((of_classes + apart + torch.where(positive, off, 0.0).sum(1)) / number).sum()


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the focal loss of each logit, in nats; wanted: 0 or 1, of the same shape."""
    plain = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    missed = torch.where(wanted > 0, 1 - logits.sigmoid(), logits.sigmoid())
    return torch.where(wanted > 0, ALPHA, 1 - ALPHA) * missed**GAMMA * plain


def answer(outputs: Tensor) -> Tensor:
    """Return the boxes that are answered, the best first: ``(batch, 100, 6)``, float32, rows as of targets, with scores as weights.

    A score is the root of the probabilities of its class and of the middle, as of FCOS. Those below 0.05 are left out, and those that
    overlap a better one of their class by more than 0.6. Boxes are cut at the map's ends.
    """
    height, width = outputs.shape[2:]
    chances = outputs[:, BOX:].float().flatten(2).sigmoid()
    scores = (chances[:, 1:] * chances[:, :1]).sqrt().nan_to_num(0.0)
    scores = scores.where(scores >= LEAST_SCORE, 0.0).flatten(1)  # class by class
    best, index = scores.topk(min(CANDIDATES, scores.shape[1]), dim=1)
    place, label = index % (height * width), index // (height * width)
    boxes = boxes_of(outputs).nan_to_num(0.0)
    boxes = boxes.gather(1, place[..., None].expand(-1, -1, 4)).clamp_min(0)
    ends = torch.tensor([width, height] * 2, device=boxes.device) * STRIDE
    boxes = boxes.minimum(ends.to(boxes))
    kept = suppress(boxes, best, label, MOST, SUPPRESSED)
    rows = torch.cat([boxes, label[..., None].float(), best[..., None]], 2)
    found = rows.gather(1, kept.clamp_min(0)[..., None].expand(-1, -1, 6))
    return torch.where(kept[..., None] >= 0, found, torch.tensor(EMPTY, device=found.device))


def tally(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return which answers are right ``(batch, 200, 6)``: see `average_precision`."""
    return average_precision.tally(answer(outputs), targets)


def sum_up(tallies: Array, counts: Array) -> Array:
    """Return mAP as COCO defines it: over ten overlaps from 0.5 to 0.95, 101 recalls and the classes ``(samples,)``."""
    return average_precision.mean_average_precision(tallies, counts, MOST)


def of_classes(tallies: Array, counts: Array) -> Array:
    """Return the AP of each class, the mean over ten overlaps ``(samples, classes)``; NaN of one that a sample has no object of."""
    labels = average_precision.classes_of(tallies, MOST)
    found, objects = average_precision.average_precisions(tallies, counts, MOST)
    every = np.full((len(counts), int(labels.max(initial=-1)) + 1), np.nan)
    every[:, labels] = np.where(objects > 0, found.mean(2), np.nan)
    return every


def at_half(tallies: Array, counts: Array) -> Array:
    """Return the AP where an overlap of 0.5 is enough ``(samples,)``."""
    return average_precision.mean_average_precision(tallies, counts, MOST, thresholds=(0,))


def at_three_quarters(tallies: Array, counts: Array) -> Array:
    """Return the AP where an overlap of 0.75 is enough ``(samples,)``."""
    return average_precision.mean_average_precision(tallies, counts, MOST, thresholds=(5,))


def of_small(tallies: Array, counts: Array) -> Array:
    """Return the mAP of objects of up to 32 x 32 pixels ``(samples,)``; NaN where there are none."""
    return average_precision.mean_average_precision(tallies, counts, MOST, size=1)


def of_medium(tallies: Array, counts: Array) -> Array:
    """Return the mAP of objects of 32 x 32 to 96 x 96 pixels ``(samples,)``; NaN where there are none."""
    return average_precision.mean_average_precision(tallies, counts, MOST, size=2)


def of_large(tallies: Array, counts: Array) -> Array:
    """Return the mAP of objects of 96 x 96 pixels and more ``(samples,)``; NaN where there are none."""
    return average_precision.mean_average_precision(tallies, counts, MOST, size=3)


def move(targets: Tensor, maps: Tensor, task: Task) -> Tensor:
    """Return boxes as the images' parts have moved: the box about the four corners of each, cut at the image's edges.

    Of a turned object it is the box about its turned box, which is larger than what an annotator would draw. One that is outside is
    gone; where less than a quarter of it is left nothing is asked of it.
    """
    height, width = task.input_shape[-2:]
    ends = torch.tensor([width, height], dtype=torch.float64, device=targets.device)
    corners = (
        targets[..., [0, 1, 2, 1, 2, 3, 0, 3]].double().view(*targets.shape[:2], 4, 2) - ends / 2
    )
    back = torch.linalg.inv(maps.double().to(targets.device))
    across, down, depth = torch.einsum(
        "bij,brcj->brci", back, functional.pad(corners, (0, 1), value=1.0)
    ).unbind(3)
    moved = torch.stack([across / depth, down / depth], 3) + ends / 2
    low, high = moved.amin(2), moved.amax(2)
    cut = torch.cat([low.clamp_min(0).minimum(ends), high.clamp_min(0).minimum(ends)], 2)
    there = (targets[..., 4] >= 0) & (cut[..., 2:].float() > cut[..., :2].float()).all(2)
    whole = area(torch.cat([low, high], 2)).clamp_min(1e-9)
    weight = targets[..., 5].where(area(cut) >= LEFT * whole, 0.0)
    found = torch.cat([cut.float(), targets[..., 4:5], weight[..., None]], 2).to(targets)
    return torch.where(there[..., None], found, torch.tensor(EMPTY).to(targets))


def fooled(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether an adversary has what it wants ``(batch,)``: the AP of an image, all classes in one, at overlap 0.5 is below a half.

    In an image without objects: something is found with a score of 0.5 or more.
    """
    answers = answer(outputs)
    right, aside, counts = average_precision.match(
        answers, targets, (0.5,), average_precision.RANGES[:1]
    )
    hits, counted = right[..., 0, 0] & ~aside[..., 0, 0], ~aside[..., 0, 0]
    precision = hits.cumsum(1) / counted.cumsum(1).clamp_min(1)
    best = precision.flip(1).cummax(1)[0].flip(1)
    number = counts[..., 0].sum(1)
    found = (best * hits).sum(1) / number.clamp_min(1)
    invented = ((answers[..., 5] >= SURE) & counted).any(1)
    return torch.where(number > 0, found < 0.5, invented)


def invent(unit: Tensor, labels: Tensor, task: Task) -> Tensor:
    """Return two boxes for each image, whose sides depend on how bright it is, and a region of which nothing is asked."""
    targets = torch.tensor(EMPTY).repeat(len(unit), MOST, 1)
    height, width = unit.shape[-2:]
    half, bright = width // 2, unit.flatten(1).mean(1)
    side = 2 + torch.arange(len(unit)) % max(1, height - 2)
    for row, (left, right) in enumerate(((0, half), (half, width))):
        targets[:, row, 0], targets[:, row, 2] = left, right
        targets[:, row, 3] = side if row else height - side + 1
        targets[:, row, 4] = (labels + row) % task.outputs
        targets[:, row, 5] = 1
    targets[bright > 0.6, 1, 5] = 0
    return targets


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"where things of {outputs} classes are"
