"""Average precision of boxes as COCO defines it: which answers are right, and what they come to over images.

The rules are those of the evaluation of COCO (Lin et al. 2014, arXiv:1405.0312; pycocotools, cocoeval.py), with areas of boxes.
Objects and answers are rows (left, top, right, bottom, class, weight), of class -1 where there is none. An answer's weight is its
score; an object's is 1, or 0 where it is a region that nothing is asked of: what is found there is neither right nor wrong.

A tally of an image, ``(answers + objects, 6)``, has a row for each answer, best first, then one for each object: its score
(0 of an object), its class, and for objects of any, small, medium and large area a number: whether an object counts, 1 or 0; of an
answer bits, of which number t is set where it is right at the t-th of ten overlaps, and number 10 + t where it does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness_problems.boxes import area, intersection

Array = np.ndarray[Any, Any]

OVERLAPS = tuple(k / 100 for k in range(50, 100, 5))
RANGES = (
    (0.0, 1e10),
    (0.0, 32.0**2),
    (32.0**2, 96.0**2),
    (96.0**2, 1e10),
)  # any, small, medium, large
RECALLS = np.linspace(0, 1, 101)
_MEMORY = 4_000_000  # numbers that are held at once
_ROUNDING = 1e-10  # by which an overlap of 1 may be missed


def overlaps(answers: Tensor, objects: Tensor) -> Tensor:
    """Return IoU ``(batch, answers, objects)``, 0 of different classes; with a region, the share of the answer that is in it."""
    one, other = answers[:, :, None], objects[:, None]
    both = intersection(one[..., :4], other[..., :4])
    union = area(one[..., :4]) + area(other[..., :4]) - both
    ignored = other[..., 5] == 0
    found = both / torch.where(ignored, area(one[..., :4]), union).clamp_min(1e-300)
    return found.masked_fill(one[..., 4] != other[..., 4], 0.0)


def match(
    answers: Tensor,
    objects: Tensor,
    thresholds: Sequence[float] = OVERLAPS,
    ranges: Sequence[tuple[float, float]] = RANGES,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which answers are right and which do not count, ``(batch, answers, ranges, thresholds)`` bool, and which objects count.

    Each answer, best first, takes the object that it overlaps most of those that count and are free, or else one that does not
    count; a region may be taken by many. An answer that takes none does not count where its own area is out of the range.

    answers: ``(batch, answers, 6)``, best first. objects: ``(batch, objects, 6)``. The last: ``(batch, objects, ranges)`` bool.
    """
    answers, objects = answers.double(), objects.double()
    ends = torch.tensor(ranges, dtype=torch.float64, device=objects.device)
    least = torch.tensor(thresholds, dtype=torch.float64, device=objects.device)
    least = least.clamp_max(1 - _ROUNDING)

    def outside(rows: Tensor) -> Tensor:  # (batch, rows, ranges)
        sizes = area(rows[..., :4])[..., None]
        return (sizes < ends[:, 0]) | (sizes > ends[:, 1])

    real, region = objects[..., 4] >= 0, (objects[..., 4] >= 0) & (objects[..., 5] == 0)
    counts = real[..., None] & ~region[..., None] & ~outside(objects)
    out = outside(answers)
    shares = overlaps(answers, objects) * real[:, None]
    batch, number = answers.shape[:2]
    shape = (batch, len(ranges), len(thresholds), objects.shape[1])
    taken = torch.zeros(shape, dtype=torch.bool, device=objects.device)
    asked = counts.transpose(1, 2)[:, :, None]  # (batch, ranges, 1, objects)
    several = region[:, None, None]
    right = torch.zeros(batch, number, *shape[1:3], dtype=torch.bool, device=objects.device)
    aside = right | (answers[..., 4] < 0)[..., None, None]
    for turn in range(number if shape[3] else 0):
        share = shares[:, turn, None, None]
        free = (share >= least[:, None]) & (~taken | several)
        best, place = _last_best(share.expand(shape).masked_fill(~(free & asked), -1.0))
        rest, instead = _last_best(share.expand(shape).masked_fill(~(free & ~asked), -1.0))
        right[:, turn] = best >= 0
        aside[:, turn] |= (best < 0) & (rest >= 0)
        chosen = torch.where(best >= 0, place, instead)[..., None]
        found = ((best >= 0) | (rest >= 0))[..., None]
        taken.scatter_(3, chosen, taken.gather(3, chosen) | found)
    aside |= ~right & out[..., None]
    return right & ~(answers[..., 4] < 0)[..., None, None], aside, counts


def _last_best(shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest of the last dimension and its place, the last of equal ones."""
    best, place = shares.flip(-1).max(-1)
    return best, shares.shape[-1] - 1 - place


def tally(answers: Tensor, objects: Tensor) -> Tensor:
    """Return the tallies of images ``(batch, answers + objects, 6)``, float64; see the module."""
    some, few = (_used(rows) for rows in (answers, objects))
    right, aside, counts = match(answers[:, :some], objects[:, :few])
    bits = 2.0 ** torch.arange(2 * len(OVERLAPS), dtype=torch.float64, device=right.device)
    found = (torch.cat([right, aside], 3) * bits).sum(3)
    made = torch.zeros(len(answers), answers.shape[1] + objects.shape[1], 6, dtype=torch.float64)
    made = made.to(right.device)
    made[:, :, 1] = torch.cat([answers[..., 4], objects[..., 4]], 1)
    made[:, : answers.shape[1], 0] = answers[..., 5]
    made[:, :some, 2:] = found
    made[:, answers.shape[1] : answers.shape[1] + few, 2:] = counts.double()
    return made


def _used(rows: Tensor) -> int:
    """Return how many rows there are up to the last one that is not empty in every image, at least 1."""
    used = (rows[..., 4] >= 0).any(0).nonzero()
    return int(used.max()) + 1 if len(used) else 1


def classes_of(tallies: Array, answers: int) -> Array:
    """Return the classes that there are objects of, ascending."""
    there = tallies[:, answers:]
    return np.unique(there[..., 1][(there[..., 1] >= 0) & (there[..., 2] > 0)]).astype(np.int64)


def average_precisions(
    tallies: Array,
    counts: Array,
    answers: int,
    size: int = 0,
    thresholds: Sequence[int] = range(10),
) -> tuple[Array, Array]:
    """Return AP of each class by overlap ``(samples, classes, thresholds)``, and how many objects there are ``(samples, classes)``.

    AP is the mean over 101 recalls, 0, 0.01 ... 1, of the largest precision at that recall or a higher one. Of a sample without
    objects of a class it is 0. Answers of equal score stand in the order of the images. Classes are those that come, ascending.

    tallies: ``(images, answers + objects, 6)``. counts: ``(samples, images)``. size: of `RANGES`. thresholds: of `OVERLAPS`.
    """
    said, there = tallies[:, :answers], tallies[:, answers:]
    labels = classes_of(tallies, answers)
    found = np.zeros((len(counts), len(labels), len(thresholds)))
    objects = np.zeros((len(counts), len(labels)))
    for place, label in enumerate(labels):
        asked = ((there[..., 1] == label) & (there[..., 2 + size] > 0)).sum(1)
        objects[:, place] = counts @ asked
        image, row = np.nonzero(said[..., 1] == label)
        order = np.argsort(-said[image, row, 0], kind="stable")
        image, bits = image[order], said[image, row, 2 + size][order].astype(np.int64)
        at_once = max(1, _MEMORY // max(1, len(image)))
        for start in range(0, len(counts), at_once):
            part = slice(start, start + at_once)
            found[part, place] = _of_class(
                counts[part][:, image].astype(np.float64), bits, objects[part, place], thresholds
            )
    return found, objects


def _of_class(weights: Array, bits: Array, objects: Array, thresholds: Sequence[int]) -> Array:
    """Return AP ``(samples, thresholds)`` of answers, best first, that come `weights` ``(samples, answers)`` times."""
    found = np.zeros((len(weights), len(thresholds)))
    seen: dict[bytes, Array] = {}
    for place, threshold in enumerate(thresholds):
        counted = (bits >> (len(OVERLAPS) + threshold)) & 1 == 0
        right = np.flatnonzero(counted & ((bits >> threshold) & 1 == 1))
        if not len(right):
            continue
        if (key := counted.tobytes()) not in seen:  # mostly alike at all overlaps
            seen = {key: np.cumsum(weights if counted.all() else weights * counted, axis=1)}
        hits = np.cumsum(weights[:, right], axis=1)
        precision = hits / np.maximum(seen[key][:, right], 1e-300)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = hits / np.maximum(objects, 1e-300)[:, None]
        reached = np.searchsorted(RECALLS, recall, side="right")  # recalls that are no larger
        steps = np.diff(reached, axis=1, prepend=0)
        found[:, place] = (best * steps).sum(1) / len(RECALLS)
    return np.where(objects[:, None] > 0, found, 0.0)


def mean_average_precision(
    tallies: Array,
    counts: Array,
    answers: int,
    size: int = 0,
    thresholds: Sequence[int] = range(10),
) -> Array:
    """Return the mean of `average_precisions` over overlaps and over the classes that a sample has objects of ``(samples,)``.

    NaN where no image has an object that counts, or a tally is NaN; 0 of a sample that draws none of them.
    """
    if np.isnan(tallies).any():
        return np.full(len(counts), np.nan)
    found, objects = average_precisions(tallies, counts, answers, size, thresholds)
    if not (tallies[:, answers:, 2 + size] > 0).any():
        return np.full(len(counts), np.nan)
    there = objects > 0
    return np.asarray((found.mean(2) * there).sum(1) / np.maximum(there.sum(1), 1))
