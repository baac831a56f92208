"""`maskfolder`: a person's own images, and a mask for each that says of which class every pixel is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, LoadedData, Preprocessing
from harness.api.reporting import counted, list_some
from harness_datasets.folders import (
    SPLITS,
    find_images,
    join_sentences,
    name_of,
    of_folder,
    usual_split,
)
from harness_datasets.imagefolder import ImageFiles, digest_files
from harness_datasets.options import MaskFolderOptions
from harness_datasets.paths import find_folder
from harness_datasets.pixels import upright_size
from harness_datasets.texts.files import read_text

Array = np.ndarray[Any, np.dtype[Any]]

IMAGES, MASKS, NAMES = "images", "masks", "classes.txt"
NOTHING_ASKED = 255  # in the masks that are given on
MOST_CLASSES = 255
MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N")  # whose values are whole numbers
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif")
BINARY = (0, 255)  # the values of a mask of two classes, as programs that draw save it
SAVE = "save it as PNG, grey or with a palette, whose values are numbers of classes"


@dataclass(frozen=True)
class Pair:
    """An image and its mask, and the folders and the name that they have in common."""

    name: str
    image: Path
    mask: Path


def load(options: MaskFolderOptions) -> LoadedData:
    """Read `images/` and `masks/`, whose files have the same folders and names but for the suffix.

    Where these folders are train, val (or valid, validation) and test, they are the splits, and a val without a test is the
    test. Images are read as they are asked for, as `imagefolder` does; masks are read at once. A mask's values are numbers of
    classes, which the lines of `classes.txt` name, from 0; without that file each value that comes is a class of that name, but
    for `ignore`. Masks of nothing but 0 and 255 have two classes, unless `ignore` is another value or `classes.txt` has not two lines.

    Raises:
        DataError: An image without a mask, a mask without an image, or of another size or of no classes; images of several
            sizes where none is asked for. All that is wrong with files is told at once.
    """
    (root,) = find_folder(options)
    left_out: Counter[str] = Counter()
    pairs = find_pairs(root, left_out)
    masks: list[Array] = []
    problems: list[tuple[Pair, str]] = []
    sizes = Counter[tuple[int, int]]()
    for pair in pairs:
        try:
            size = _image_size(pair.image)
            mask = read_mask(pair.mask)
            if mask.shape != size:
                raise DataError(
                    f"{pair.mask} has {_words(mask.shape)} pixels, and {pair.image} has {_words(size)}; they must be the same"
                )
        except DataError as error:
            problems.append((pair, str(error)))
            continue
        sizes[size] += 1
        masks.append(mask if options.size is None else resize_mask(mask, options.size))
    if problems:
        raise DataError(of_folder(root, join_sentences(_gather(problems))))
    if options.size is None and len(sizes) > 1:
        known = [f"{_words(size)} ({count})" for size, count in sizes.most_common()]
        raise DataError(
            f"{root}: images are of {len(sizes)} sizes, {list_some(known)}; say size=, the side in pixels that all are brought to"
        )
    targets, names = as_classes(root, pairs, masks, options.ignore)
    height, width = targets.shape[1:]
    read_as = Preprocessing(size=(height, width), crop="squash", interpolation="bilinear")
    return LoadedData(
        modality="image",
        problem="segmentation",
        inputs=ImageFiles([pair.image for pair in pairs], options.channels, read_as),
        targets=targets,
        split=_splits(pairs),
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=names,
        preprocessing="" if options.size is None else f"{read_as.words()}; masks: nearest pixel",
        keys=digest_files([pair.image for pair in pairs]),
        name_example=lambda position: str(pairs[position].image),
        names=[name_of(pair.image) for pair in pairs],
        notes=(_note(root, targets, names, left_out),),
    )


def _gather(problems: Sequence[tuple[Pair, str]]) -> list[str]:
    """Return problems of pairs, those that several masks have alike as one: "a.png and 59 more masks: ..."."""
    of: dict[str, list[str]] = {}
    for pair, problem in problems:
        mask = str(pair.mask) if problem.startswith(f"{pair.mask} ") else ""
        of.setdefault(problem.removeprefix(mask), []).append(mask)
    return [
        masks[0] + why
        if len(masks) == 1
        else f"each of {len(masks)} masks, {list_some(masks, 2)},{why}"
        for why, masks in of.items()
    ]


def find_pairs(root: Path, left_out: Counter[str]) -> list[Pair]:
    """Return the images and masks of a folder by their names.

    Raises:
        DataError: A folder is missing, or a file has no partner or two.
    """
    found: dict[str, dict[str, list[Path]]] = {}
    for what in (IMAGES, MASKS):
        folder = root / what
        if not folder.is_dir():
            raise DataError(f"{root} has no folder {what}/; wanted are {IMAGES}/ and {MASKS}/")
        by_name: dict[str, list[Path]] = {}
        for path in find_images(folder, (root,), left_out):
            by_name.setdefault(str(path.relative_to(folder).with_suffix("")), []).append(path)
        found[what] = by_name
    images, masks = found[IMAGES], found[MASKS]
    problems = [
        f"{' and '.join(map(str, files))} have one name, so that it is not known which is meant"
        for by_name in (images, masks)
        for files in by_name.values()
        if len(files) > 1
    ]
    for what, mine, others in (("mask", images, masks), ("image", masks, images)):
        problems += [
            f"{mine[name][0]} has no {what}: there is no {root / (MASKS if what == 'mask' else IMAGES) / name}.*"
            for name in mine
            if name not in others
        ]
    if not images:
        problems.append(f"{root / IMAGES} has no images")
    if problems:
        raise DataError(of_folder(root, join_sentences(problems)))
    return [Pair(name, images[name][0], masks[name][0]) for name in sorted(images)]


def read_mask(path: Path) -> Array:
    """Return the values of a mask, uint16 ``(height, width)``: of a palette the places in it.

    Raises:
        DataError: It cannot be read, or its values are colours.
    """
    from PIL import Image

    if path.suffix.lower() in LOSSY:
        raise DataError(f"{path} is of a format that changes values of pixels; {SAVE}")
    try:
        with Image.open(path) as image:
            image.load()
            mode, values = image.mode, np.asarray(image)
    except Exception as error:  # Pillow's decoders raise all sorts on a damaged file
        raise DataError(f"{path} cannot be read as an image: {error}") from None
    if mode not in MODES:
        raise DataError(f"{path} is of the mode {mode}, colours and no classes; {SAVE}")
    if int(values.min()) < 0 or int(values.max()) > 65535:
        raise DataError(f"{path} has values from {values.min()} to {values.max()}; {SAVE}")
    return values.astype(np.uint16)


def resize_mask(mask: Array, side: int) -> Array:
    """Return a mask ``(side, side)``, each pixel that of the nearest centre."""
    rows, columns = (
        ((np.arange(side) + 0.5) * length / side).astype(int).clip(0, length - 1)
        for length in mask.shape
    )
    return mask[np.ix_(rows, columns)]


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of classes, one a line, from 0; empty lines at the end are none.

    Raises:
        DataError: The file cannot be read, is not in UTF-8, or a line is empty or names what another does.
    """
    names = tuple(map(str.strip, read_text(path).rstrip().splitlines()))
    for place, name in enumerate(names):
        if not name:
            raise DataError(
                f"{path}: line {place + 1} is empty; a line is the name of class {place}, so each up to the last has one"
            )
        if name in names[:place]:
            raise DataError(
                f"{path}: line {place + 1} names {name!r}, as line {names.index(name) + 1} does; each class has a name of its own"
            )
    return names


def as_classes(
    root: Path, pairs: Sequence[Pair], masks: Sequence[Array], ignore: int
) -> tuple[Array, tuple[str, ...]]:
    """Return masks ``(examples, height, width)`` of numbers of classes, uint8, and the names of these.

    masks: of values, each ``(height, width)``. Where nothing is asked, at `ignore` and at no class, the number is 255.

    Raises:
        DataError: A value is that of no class, or there are too many.
    """
    present = sorted(set[int]().union(*(np.unique(mask).tolist() for mask in masks)))
    binary = tuple(present) == BINARY and ignore == NOTHING_ASKED
    listed = root / NAMES
    if listed.is_file():
        names = read_names(listed)
        binary = binary and len(names) == len(BINARY)
        known = list(BINARY if binary else range(len(names)))
        for value in present:
            if value not in known and value != ignore:
                place = next(at for at, mask in enumerate(masks) if (mask == value).any())
                raise DataError(
                    f"{pairs[place].mask} has the value {value}, and {listed} has {counted(len(names), 'class', 'classes')}, 0 to "
                    f"{len(names) - 1}; ignore={value} says that nothing is asked there"
                )
    else:
        known = [value for value in present if binary or value != ignore]
        names = tuple(map(str, known))
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{root / MASKS}: {len(names)} classes are more than {MOST_CLASSES}; are these masks? Their values are numbers of classes"
        )
    table = np.full(65536, NOTHING_ASKED, dtype=np.uint8)
    table[known] = np.arange(len(known))
    if not binary:
        table[ignore] = NOTHING_ASKED
    return np.stack([table[mask] for mask in masks]), names


def _image_size(path: Path) -> tuple[int, int]:
    """Return the (height, width) of an image as it is read, upright."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return upright_size(image)
    except Exception as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from None


def _words(size: tuple[int, ...]) -> str:
    return f"{size[1]} x {size[0]}"


def _splits(pairs: Sequence[Pair]) -> list[str] | None:
    """Return the split of each pair where all lie in folders that are named after some; else they are cut."""
    first = [pair.name.partition("/")[0].lower() for pair in pairs]
    if not all("/" in pair.name for pair in pairs) or not set(first) <= SPLITS.keys():
        return None
    found = {SPLITS[name] for name in first}
    return [usual_split(SPLITS[name], found) for name in first]


def _note(root: Path, targets: Array, names: Sequence[str], left_out: Counter[str]) -> DataNote:
    """Return what the values were taken for, and what was left out."""
    counts = np.sum([np.bincount(mask.ravel(), minlength=256) for mask in targets], axis=0)
    rows = [
        (f"class {name!r}", f"{counts[place] / targets.size:.2%} of the pixels", str(place))
        for place, name in enumerate(names)
    ]
    asked = [("nothing asked", f"{counts[NOTHING_ASKED] / targets.size:.2%} of the pixels", "")]
    rest = [(what, str(count), "left out") for what, count in sorted(left_out.items())]
    return DataNote(
        title=f"Masks in {root / MASKS}",
        header=("what", "how much", "number"),
        rows=(*rows, *(asked if counts[NOTHING_ASKED] else []), *rest),
    )
