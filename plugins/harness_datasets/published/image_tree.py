"""`imagenet_c` and `shifted_folder`: pictures in folders of classes, which stand for classes of other data."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from harness.api import DataError, LoadedData, Preprocessing
from harness.api.declaring import Outline
from harness.api.reporting import counted, list_some
from harness_datasets.folders import (
    Layout,
    find_images,
    join_sentences,
    name_of,
    of_folder,
    read_layout,
    subfolders,
)
from harness_datasets.imagefolder import SIZE, ImageFiles, digest_files
from harness_datasets.paths import expand, find_folder
from harness_datasets.published.imagenet_words import all_called, also_called, plain
from harness_datasets.published.options import ImageNetCOptions, ShiftedFolderOptions

LEVELS = tuple(map(str, range(1, 6)))
Means = tuple[tuple[str, ...], ...]


def load_folder(
    options: ShiftedFolderOptions, preprocessing: Preprocessing | None = None
) -> LoadedData:
    """List the images of `path`/<class>/*, read as the data are that they are a shift of.

    Raises:
        DataError: A class has no images, or the class map is none or has fewer than two classes of the folder.
    """
    layout, means = _read_folder(options)
    if layout.problems:
        raise DataError(of_folder(layout.root, join_sentences(layout.problems)))
    asked = preprocessing or Preprocessing(size=(SIZE, SIZE))
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=ImageFiles(layout.images, options.channels, asked, options.border),
        targets=np.array(layout.targets, dtype="int64"),
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=layout.class_names,
        means=means,
        preprocessing=asked.words(),
        keys=digest_files(layout.images),
        name_example=lambda position: str(layout.images[position]),
        notes=(layout.note(),),
    )


def outline_folder(options: ShiftedFolderOptions) -> Outline:
    """Return the classes of a folder.

    Raises:
        DataError: As of `load_folder`.
    """
    layout, means = _read_folder(options)
    if layout.problems:
        raise DataError(of_folder(layout.root, join_sentences(layout.problems)))
    return Outline(class_names=layout.class_names, means=means)


def folder_files(options: ShiftedFolderOptions) -> list[Path]:
    """Return the images that `load_folder` reads, and the class map; the folder where it refuses to."""
    (root,) = find_folder(options)
    maps = [expand(options.class_map)] if options.class_map else []
    try:
        layout, _ = _read_folder(options)
    except DataError:
        return [root, *maps]
    return [*(layout.images or (root,)), *maps]


def _read_folder(options: ShiftedFolderOptions) -> tuple[Layout, Means]:
    """Return the images of the classes that the class map has, and what each class may be called."""
    (root,) = find_folder(options)
    layout = read_layout(root, test_only=True)
    if not options.class_map:
        return layout, all_called(layout.class_names)
    path = expand(options.class_map)
    asked = {plain(name): names for name, names in read_class_map(path).items() if names}
    kept = [name for name in layout.class_names if plain(name) in asked]
    if not kept:
        raise DataError(
            f"{path} has none of the classes of {root}, which are {list_some([*map(repr, layout.class_names)])}"
        )
    if len(kept) < 2:
        raise DataError(
            f"{path} has one of the classes of {root} alone, {kept[0]!r}; two or more are needed, as a model chooses "
            f"among them; in the folder are {list_some([*map(repr, layout.class_names)])}, in the map "
            f"{list_some([*map(repr, asked)])}"
        )
    folders = set(map(plain, layout.class_names))
    absent = [name for name in asked if name not in folders]
    places = {layout.class_names.index(name): place for place, name in enumerate(kept)}
    chosen = [at for at, target in enumerate(layout.targets) if target in places]
    without = len(layout.class_names) - len(kept)
    out = Counter(
        {
            f"images of {counted(without, 'class', 'classes')} that the class map has not": len(
                layout.targets
            )
            - len(chosen)
        }
    )
    if absent:
        out[
            f"classes of the class map that are no folder ({list_some([*map(repr, absent)], 3)})"
        ] = len(absent)
    layout = dataclasses.replace(
        layout,
        class_names=tuple(kept),
        images=tuple(layout.images[at] for at in chosen),
        targets=tuple(places[layout.targets[at]] for at in chosen),
        left_out=layout.left_out + out,
    )
    means = (
        dict.fromkeys(n for one in asked[plain(name)] for n in also_called(one)) for name in kept
    )
    return layout, tuple(map(tuple, means))


def read_class_map(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Read {class: name or list of names} of JSON.

    Several names in one text stand apart by ";", as in ObjectNet's own map.

    Raises:
        DataError: It is another thing.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a class map in JSON: {error}") from None
    if not isinstance(read, dict):
        raise DataError(f"{path} is no class map, a JSON object {{class: name or list of names}}")
    found = {}
    for name, value in read.items():
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise DataError(
                f"{path}: the class {name!r} has {json.dumps(value)[:80]}; a name or a list of names is needed"
            )
        found[name] = tuple(
            part.strip() for one in texts for part in one.split(";") if part.strip()
        )
    return found


def load_corrupted(
    options: ImageNetCOptions, preprocessing: Preprocessing | None = None
) -> LoadedData:
    """List the images of ImageNet-C, `path`/<corruption>/<severity 1 to 5>/<class>/*.

    They were cropped already: the shorter side is brought to what a model takes, and no border is cut off. A picture
    is known to be made of the test example of the same class and file name.

    Raises:
        DataError: A severity or a class is missing under a corruption, or has no images.
    """
    trees = _find_trees(options)
    names = _class_names(trees)
    asked = dataclasses.replace(
        preprocessing or Preprocessing(size=(SIZE, SIZE)), resize=None, crop="center"
    )
    images: list[Path] = []
    targets: list[int] = []
    part: list[int] = []
    for number, folder in enumerate(trees.values()):
        for target, name in enumerate(names):
            found = _some(find_images(folder / name, (folder,), Counter()), options.examples)
            if not found:
                raise DataError(f"{folder / name} has no images")
            images += found
            targets += [target] * len(found)
            part += [number] * len(found)
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=ImageFiles(images, 3, asked),
        targets=np.array(targets, dtype="int64"),
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=names,
        means=tuple(map(also_called, names)),
        preprocessing=asked.words(),
        name_example=lambda position: str(images[position]),
        parts=tuple({"shift": name, "severity": severity} for name, severity in trees),
        part=np.array(part, dtype="int64"),
        sources=[name_of(path) for path in images],
    )


def outline_corrupted(options: ImageNetCOptions) -> Outline:
    """Return the classes of ImageNet-C.

    Raises:
        DataError: A severity or a class is missing under a corruption.
    """
    names = _class_names(_find_trees(options))
    return Outline(class_names=names, means=tuple(map(also_called, names)))


def corrupted_files(options: ImageNetCOptions) -> list[Path]:
    """Return the folders that `load_corrupted` reads; the whole folder where it refuses to."""
    (root,) = find_folder(options)
    try:
        return list(_find_trees(options).values())
    except DataError:
        return [root]


def _some(images: list[Path], examples: int | None) -> list[Path]:
    return images if examples is None else images[:examples]


def _find_trees(options: ImageNetCOptions) -> dict[tuple[str, int], Path]:
    """Return the folder of each corruption and severity that the options ask for.

    Raises:
        DataError: There is none, or one is missing.
    """
    (root,) = find_folder(options)
    there = dict(sorted(_corruptions(root)))
    if not there:
        raise DataError(
            f"{root} has no folder of a corruption, with folders of severities 1 to 5 in it"
        )
    for name in options.corruptions:
        if name not in there:
            raise DataError(
                f"{root} has no corruption {name!r}; there are {list_some([*there], 20)}"
            )
    trees = {}
    for name in options.corruptions or tuple(there):
        for severity in options.severities:
            folder = there[name] / str(severity)
            if not folder.is_dir():
                raise DataError(f"{there[name]} has no severity {severity}")
            trees[name, severity] = folder
    return trees


def _corruptions(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the corruptions in a folder, or in folders in it, as the archives of ImageNet-C unpack."""
    for folder in subfolders(root, Counter()):
        if any((folder / level).is_dir() for level in LEVELS):
            yield folder.name, folder
        else:
            for below in subfolders(folder, Counter()):
                if any((below / level).is_dir() for level in LEVELS):
                    yield below.name, below


def _class_names(trees: Mapping[tuple[str, int], Path]) -> tuple[str, ...]:
    first, *others = trees.values()
    names = [path.name for path in subfolders(first, Counter())]
    if not names:
        raise DataError(f"{first} has no folder of a class")
    for folder in others:
        if odd := sorted(set(names) ^ {path.name for path in subfolders(folder, Counter())}):
            raise DataError(
                f"{first} and {folder} have different classes: only one of them has {list_some(odd)}"
            )
    return tuple(names)
