"""Images with boxes about things in them, whatever format says where these are: checked, brought to a size, made targets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.api import DataError, DataNote, LoadedData, Preprocessing
from harness.api.reporting import counted, list_some
from harness_datasets.folders import join_sentences, name_of, of_folder
from harness_datasets.imagefolder import ImageFiles, digest_files
from harness_datasets.objects import as_targets
from harness_datasets.options import BoxOptions
from harness_datasets.pixels import SIDEWAYS, exif_orientation

SLACK = 1.0  # pixels by which a box may reach out of its image, where it is cut
SAY_SIZE = (
    "say size=, the side in pixels that the longer one of all is brought to, with black borders"
)
SAY_TURN = (
    "say exif=upright where boxes are drawn on the picture as it is seen, exif=stored where they are of its pixels as they are "
    "stored"
)

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Box:
    """A box, left, top, right and bottom in pixels, and what it is about; weight 0: nothing is asked there. where: in its file."""

    corners: Corners
    label: int
    weight: float
    where: str


@dataclass(frozen=True)
class BoxedImage:
    """An image and its boxes. size: (height, width) as its annotation has it, None where that does not say; split: "" to be cut."""

    path: Path
    boxes: Sequence[Box]
    size: tuple[float, float] | None = None
    split: str = ""


@dataclass
class Found:
    """What was found: images, names of classes, sentences on what is wrong, and how many were left out of what."""

    names: tuple[str, ...] = ()
    images: list[BoxedImage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def as_data(root: Path, found: Found, options: BoxOptions) -> LoadedData:
    """Return images and their boxes, in pixels of images as they are given on.

    Boxes are of a picture as it is seen, turned as its EXIF orientation says; where the size in an annotation is that of the
    pixels as they are stored, its boxes are turned with the picture. Images of several sizes are brought to `size`, their boxes
    with them.

    Raises:
        DataError: Something is wrong in the files, all of it told at once.
    """
    problems, sizes, turned = list(found.problems), Counter[tuple[int, int]](), 0
    kept: list[list[tuple[Corners, Box]]] = []
    each: list[tuple[int, int]] = []
    for image in found.images:
        try:
            size, turn = _upright(image, options)
        except DataError as error:
            problems.append(str(error))
            continue
        turned += turn > 1
        rows = []
        for box in image.boxes:
            corners = turn_box(box.corners, turn, _stored(size, turn))
            try:
                rows.append((_inside(corners, size, image, box), box))
            except DataError as error:
                if options.skip_broken:
                    found.left_out["boxes that are empty or reach out of their image"] += 1
                else:
                    problems.append(str(error))
        kept.append(rows)
        each.append(size)
        sizes[size] += 1
    if not found.images and not problems:
        problems.append("there are no images")
    if problems:
        told = join_sentences(problems)
        raise DataError(of_folder(root, told))
    if options.size is None and len(sizes) > 1:
        known = [f"{width} x {height} ({count})" for (height, width), count in sizes.most_common()]
        raise DataError(f"{root}: images are of {len(sizes)} sizes, {list_some(known)}; {SAY_SIZE}")
    goal = each[0] if options.size is None else (options.size, options.size)
    read_as = Preprocessing(size=goal, crop="border", interpolation="bilinear")
    targets = as_targets(
        [
            [(*brought(corners, size, read_as), box.label, box.weight) for corners, box in rows]
            for rows, size in zip(kept, each, strict=True)
        ],
        lambda place: str(found.images[place].path),
    )
    paths = [image.path for image in found.images]
    splits = [image.split for image in found.images]
    return LoadedData(
        modality="image",
        problem="detection",
        inputs=ImageFiles(paths, options.channels, read_as),
        targets=targets,
        split=splits if all(splits) else None,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=found.names,
        preprocessing="" if options.size is None else read_as.words(),
        keys=digest_files(paths),
        name_example=lambda position: str(paths[position]),
        names=[name_of(path) for path in paths],
        notes=(_note(root, found, kept, turned),),
    )


def _upright(image: BoxedImage, options: BoxOptions) -> tuple[tuple[int, int], int]:
    """Return the (height, width) of a picture as it is seen, and the EXIF orientation by which its boxes are to be turned.

    Raises:
        DataError: It cannot be read, is of another size than its annotation says, or it is not known what its boxes are of.
    """
    from PIL import Image

    if not is_file(image.path):
        raise DataError(
            f"{image.path} is not there, and it has {counted(len(image.boxes), 'box', 'boxes')}"
        )
    try:
        with Image.open(image.path) as opened:
            stored, turn = (opened.height, opened.width), exif_orientation(opened)
    except Exception as error:  # Pillow's decoders raise all sorts on a damaged file
        raise DataError(f"{image.path} cannot be read as an image: {error}") from None
    seen = stored[::-1] if turn in SIDEWAYS else stored
    said = image.size
    if said is not None and said not in (seen, stored):
        raise DataError(
            f"{image.path} has {seen[1]} x {seen[0]} pixels, and its annotation says {_side(said[1])} x {_side(said[0])}"
        )
    if turn == 1 or not image.boxes:
        return seen, 1
    if options.exif != "auto":
        return seen, turn if options.exif == "stored" else 1
    if said is None or seen == stored:
        raise DataError(
            f"{image.path} has the EXIF orientation {turn}, and it is not known whether its boxes are turned already; {SAY_TURN}"
        )
    return seen, turn if said == stored else 1


def _side(length: float) -> str:
    """Return a length as it is written: XML's are read as floats, and an integer of JSON may be beyond those."""
    return f"{length:g}" if isinstance(length, float) else str(length)


def is_file(path: Path) -> bool:
    """Return whether there is a file of a name; of one that is too long for files there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _stored(seen: tuple[int, int], turn: int) -> tuple[int, int]:
    return seen[::-1] if turn in SIDEWAYS else seen


def turn_box(corners: Corners, turn: int, size: tuple[int, int]) -> Corners:
    """Return a box of a picture as it is stored as one of the picture as it is seen, by an EXIF orientation from 1 to 8.

    size: (height, width) as it is stored.
    """
    height, width = size
    left, top, right, bottom = corners
    if turn in (2, 3, 7, 8):  # mirrored from left to right first
        left, right = width - right, width - left
    if turn in (3, 4, 6, 7):  # and from top to bottom
        top, bottom = height - bottom, height - top
    return (top, left, bottom, right) if turn in SIDEWAYS else (left, top, right, bottom)


def _inside(corners: Corners, size: tuple[int, int], image: BoxedImage, box: Box) -> Corners:
    """Return a box that is cut at its image's edges, where it reaches out by a pixel at most.

    Raises:
        DataError: It reaches out by more, is empty, or not finite.
    """
    height, width = size
    left, top, right, bottom = corners
    which = f"{box.where}: its box, {left:g}, {top:g} to {right:g}, {bottom:g},"
    if not all(map(math.isfinite, corners)):
        raise DataError(f"{which} is not of finite numbers")
    if left < -SLACK or top < -SLACK or right > width + SLACK or bottom > height + SLACK:
        raise DataError(f"{which} reaches out of {image.path}, which has {width} x {height} pixels")
    cut = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        raise DataError(f"{which} has no area")
    return cut


def brought(corners: Corners, size: tuple[int, int], read_as: Preprocessing) -> Corners:
    """Return a box of an image of a (height, width) as one of the image that a preprocessing makes of it."""
    steps = read_as.steps(*size)
    down, across = (new / old for new, old in zip(steps.resized, size, strict=True))
    left, top = (steps.padding[side] - steps.corner[1 - side] for side in (0, 1))
    return (
        corners[0] * across + left,
        corners[1] * down + top,
        corners[2] * across + left,
        corners[3] * down + top,
    )


def _note(
    root: Path, found: Found, kept: Sequence[Sequence[tuple[Any, Box]]], turned: int
) -> DataNote:
    """Return what was read, and what was left out."""
    counts = Counter(box.label for rows in kept for _, box in rows if box.weight)
    regions = sum(not box.weight for rows in kept for _, box in rows)
    empty = sum(not rows for rows in kept)
    rows = [
        ("images", str(len(kept)), "examples"),
        *(
            (f"class {name!r}", f"{counts[place]} boxes", str(place))
            for place, name in enumerate(found.names)
        ),
        *([("images without a box", str(empty), "examples")] if empty else []),
        *(
            [("crowds and difficult objects", str(regions), "nothing is asked there")]
            * bool(regions)
        ),
        *([("images turned by EXIF", str(turned), "boxes turned with them")] * bool(turned)),
        *((what, str(count), "left out") for what, count in sorted(found.left_out.items())),
    ]
    return DataNote(
        title=f"Boxes in {root}", header=("what", "how many", "taken for"), rows=tuple(rows)
    )
