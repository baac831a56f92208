"""`digits_on_textures`: handwritten digits pasted on textures that are made here, with the mask and the box of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import DigitsOnTexturesOptions
from harness_datasets.digits import read_digits
from harness_datasets.objects import as_targets

Array = np.ndarray[Any, np.dtype[Any]]

SIDE = 32
DIGIT_SIDES = (12, 16)  # pixels of a digit, which is enlarged from 8
MOST = 3  # digits of an image
CONTRAST = 0.35  # of ink, which is brighter, to the mean of what it is on, at least
INK = 0.4  # of a pixel, from which on it is the digit's
CLASSES = ("background", *map(str, range(10)))
SHARES = (("train", 0.6), ("validation", 0.2), ("test", 0.2))


@dataclass(frozen=True)
class Scene:
    """An image ``(32, 32)`` of 0 to 1, its mask (0, or a digit and 1), and for each digit its box and which it is.

    boxes: ``(digits, 4)``: left, top, right, bottom, in pixels; those on the right and below are the first that are outside.
    """

    image: Array
    mask: Array
    boxes: Array
    digits: tuple[int, ...]


def load(options: DigitsOnTexturesOptions) -> LoadedData:
    """Load images ``(examples, 1, 32, 32)`` of 8 bits and their masks or boxes: 60 % for training, 20 % for each of the others.

    Digits of a split are of writers' samples that no other split has. The same number of examples is the same bit for bit.
    """
    found = [(name, scene) for name, samples in _samples(options.examples) for scene in samples]
    scenes = [scene for _, scene in found]
    images = np.stack([scene.image for scene in scenes])
    if options.problem == "detection":
        rows = [
            [(*box, digit, 1.0) for box, digit in zip(scene.boxes, scene.digits, strict=True)]
            for scene in scenes
        ]
        targets, names = as_targets(rows, "image {}".format), CLASSES[1:]
    else:
        targets, names = np.stack([scene.mask for scene in scenes]), CLASSES
    return LoadedData(
        modality="image",
        problem=options.problem,
        inputs=np.rint(255 * images).astype("uint8")[:, None],
        targets=targets,
        split=[name for name, _ in found],
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=names,
    )


def _samples(examples: int) -> list[tuple[str, list[Scene]]]:
    """Return the scenes of each split."""
    images, digits = read_digits()
    order = np.random.default_rng(0).permutation(len(images))
    found, used, made = [], 0.0, 0
    for place, (name, share) in enumerate(SHARES):
        mine = order[round(used * len(order)) : round((used + share) * len(order))]
        used += share
        count = round(used * examples) - made
        made += count
        generator = np.random.default_rng([0, place])
        scenes = [draw_scene(images[mine] / 16, digits[mine], generator) for _ in range(count)]
        found.append((name, scenes))
    return found


def draw_scene(images: Array, labels: Array, generator: np.random.Generator) -> Scene:
    """Draw a texture and one to three of some digits on it, whose squares do not overlap.

    images: ``(n, 8, 8)``, ink from 0 to 1. labels: ``(n,)``.
    """
    picture, mask = draw_texture(generator), np.zeros((SIDE, SIDE), dtype="uint8")
    boxes: list[tuple[int, int, int, int]] = []
    digits: list[int] = []
    taken: list[tuple[int, int, int]] = []  # squares: top, left, side
    for _ in range(int(generator.integers(1, MOST + 1))):
        side = int(generator.integers(DIGIT_SIDES[0], DIGIT_SIDES[1] + 1))
        top, left = (int(place) for place in generator.integers(0, SIDE - side + 1, size=2))
        chosen, level = int(generator.integers(len(images))), generator.random()
        if any(_overlap((top, left, side), other) for other in taken):
            continue
        square = (slice(top, top + side), slice(left, left + side))
        ink = enlarge(images[chosen], side)
        ground = float(picture[square].mean())
        value = ground + CONTRAST + level * (1 - CONTRAST - ground)
        picture[square] = (1 - ink) * picture[square] + ink * value
        inside = ink > INK
        mask[square][inside] = labels[chosen] + 1
        rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
        boxes.append((left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1))
        digits.append(int(labels[chosen]))
        taken.append((top, left, side))
    return Scene(picture.clip(0, 1), mask, np.array(boxes), tuple(digits))


def _overlap(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(
        one[axis] < other[axis] + other[2] and other[axis] < one[axis] + one[2] for axis in (0, 1)
    )


def enlarge(image: Array, side: int) -> Array:
    """Return a square image as one of another side, bilinearly between the centres of its pixels."""
    places = ((np.arange(side) + 0.5) * len(image) / side - 0.5).clip(0, len(image) - 1)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(len(image))))
    return np.asarray(weights @ image @ weights.T)


def draw_texture(generator: np.random.Generator) -> Array:
    """Draw a texture ``(32, 32)`` of 0 to 1: waves, clouds, a board or grain, about a grey and as strong as is drawn."""
    kind = generator.integers(4)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    if kind == 0:  # waves
        made = sum(_wave(x, y, generator) for _ in range(3)) / 3
    elif (
        kind == 1
    ):  # clouds: noise of several scales, each half as strong as the coarser one before
        grids = [enlarge(generator.uniform(-1, 1, (n, n)), SIDE) / n for n in (2, 4, 8, 16)]
        made = 2 * sum(grids)
    elif kind == 2:  # a board
        made = np.sign(_wave(x, y, generator)) * np.sign(_wave(x, y, generator))
    else:  # grain on a slope
        made = _wave(x / 4, y / 4, generator) + 0.5 * generator.uniform(-1, 1, (SIDE, SIDE))
    grey, strength = generator.uniform(0.2, 0.5), generator.uniform(0.03, 0.15)
    return np.asarray(grey + strength * made).clip(0, 1)


def _wave(x: Array, y: Array, generator: np.random.Generator) -> Array:
    angle, phase = generator.uniform(0, 2 * math.pi, 2)
    waves = generator.uniform(1, 8)
    return np.asarray(
        np.sin(2 * math.pi * waves * (x * math.cos(angle) + y * math.sin(angle)) + phase)
    )
