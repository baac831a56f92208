"""`coco`: a person's own images and boxes, as the JSON files of COCO have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import DataError, LoadedData
from harness.api.reporting import counted, list_some
from harness_datasets.boxed_images import Box, BoxedImage, Found, as_data, is_file
from harness_datasets.folders import SPLITS, usual_split
from harness_datasets.options import CocoOptions
from harness_datasets.paths import expand, find_file_or_folder
from harness_datasets.texts.files import read_text

ANNOTATIONS, BOXES = "annotations", "instances_"
ROBOFLOW = "_annotations.coco.json"
LOOKED_AT = 50  # images, by which their folder is found
SPLIT = re.compile(
    rf"(?:^|[^a-z])({'|'.join(sorted(SPLITS, key=len, reverse=True))})\d*(?:$|[^a-z])"
)

Rows = Sequence[Mapping[str, Any]]


def load(options: CocoOptions) -> LoadedData:
    """Read boxes ``[left, top, width, height]`` from JSON, and the images they are in as these are asked for.

    A path is a JSON file, a folder with `annotations/instances_*.json` (or other names, where none begins so), one with a JSON file for
    each split beside its images, `train/_annotations.coco.json`, or one with JSON files. Names with train, val and test are
    the splits; a val without a test is the test. Crowds (iscrowd) are regions that nothing is asked of.

    Raises:
        DataError: Something is wrong in the files, all of it told at once.
    """
    root = find_file_or_folder(options)
    files = find_json(root)
    splits = [_split_of(path) if len(files) > 1 else "" for path in files]
    found, ids = Found(), dict[str, int]()
    for path, split in zip(files, splits, strict=True):
        _read(path, usual_split(split, splits), options, found, ids)
    found.names = tuple(ids)
    odd = [str(path) for path, split in zip(files, splits, strict=True) if not split]
    twice = [split for split in splits if splits.count(split) > 1]
    if len(files) > 1 and (odd or twice):
        what = f"{odd[0]} names no split" if odd else f"several are the {twice[0]} split"
        found.problems.append(
            f"of {len(files)} JSON files {what}; their names have train, val and test in them, or path= is one file"
        )
    return as_data(root, found, options)


def find_files(options: CocoOptions) -> list[Path]:
    """Return the file or folder of boxes, and the folder that images are in, where that is another.

    Raises:
        UsageError: There is no such file or folder.
    """
    root = find_file_or_folder(options)
    if options.images:
        return [root, expand(options.images)]
    return [root] if root.is_dir() else [root, root.parent]


def find_json(root: Path) -> list[Path]:
    """Return the JSON files of boxes that a path stands for.

    Raises:
        DataError: There are none.
    """
    if root.is_file():
        return [root]
    beside = sorted(root.glob(f"*/{ROBOFLOW}"))
    inside = sorted((root / ANNOTATIONS).glob("*.json"))
    boxes = [path for path in inside if path.name.startswith(BOXES)]
    found = boxes or inside or beside or sorted(root.glob("*.json"))
    if not found:
        raise DataError(
            f"{root} has no JSON file; wanted are {ANNOTATIONS}/{BOXES}*.json, */{ROBOFLOW} or *.json"
        )
    return found


def _split_of(path: Path) -> str:
    """Return the split that a file's name says, or that of its folder where all are named alike; "" where it says none."""
    name = path.parent.name if path.name == ROBOFLOW else path.stem
    match = SPLIT.search(name.lower())
    return SPLITS[match[1]] if match else ""


def _read(path: Path, split: str, options: CocoOptions, found: Found, ids: dict[str, int]) -> None:
    """Add a file's images and boxes; ids: the number of each class by its name, to which those of the file are added."""
    tables = read_tables(path)
    problems: list[str] = []
    labels: dict[Any, int] = {}
    for place, row in enumerate(tables["categories"]):
        name = row.get("name")
        if not _is_key(row.get("id")) or not isinstance(name, str) or not name:
            problems.append(f"category {place + 1} has no id and name")
            continue
        label = ids.setdefault(name, len(ids))
        if label in labels.values():
            problems.append(f"two categories have the name {name!r}")
        if row["id"] in labels:
            problems.append(f"two categories have the id {row['id']!r}")
        labels[row["id"]] = label
    images = dict(_by_id(tables["images"], "image", problems))
    own: dict[Any, list[Box]] = {key: [] for key in images}
    for key, row in _by_id(tables["annotations"], "annotation", problems):
        where = f"annotation {key!r}"
        image = row.get("image_id")
        if not _is_key(image) or image not in own:
            problems.append(f"{where} is of the image {image!r}, which is not among the images")
        elif not _is_key(row.get("category_id")) or row["category_id"] not in labels:
            known = ", ".join(map(repr, list(labels)[:8]))
            problems.append(
                f"{where} is of the category {row.get('category_id')!r}; the ids of categories are {known}"
            )
        elif (corners := _corners(row.get("bbox"))) is None:
            problems.append(
                f"{where} has the bbox {row.get('bbox')!r}; wanted are four numbers, left, top, width and height"
            )
        elif (crowd := row.get("iscrowd") or 0) not in (0, 1):
            problems.append(f"{where} has the iscrowd {crowd!r}; allowed are 0 and 1, as numbers")
        else:
            label = labels[row["category_id"]]
            own[image].append(Box(corners, label, 0.0 if crowd else 1.0, f"{path}: {where}"))
    folder = _folder_of(path, [row.get("file_name") for row in images.values()], options)
    seen: dict[str, Any] = {}
    for key, row in images.items():
        name = row.get("file_name")
        if not isinstance(name, str) or not name:
            problems.append(f"image {key!r} has no file_name")
            continue
        if Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(
                f"image {key!r} has the file_name {name!r}, which leads out of the folder of images; write names below it, and "
                "say images=FOLDER"
            )
            continue
        if name in seen:
            problems.append(f"images {seen[name]!r} and {key!r} are both {name}")
        seen[name] = key
        size = row.get("height"), row.get("width")
        said = all(isinstance(side, int | float) and side > 0 for side in size)
        found.images.append(BoxedImage(folder / name, own[key], size if said else None, split))
    found.problems += [f"{path}: {problem}" for problem in problems]


def read_tables(path: Path) -> dict[str, Rows]:
    """Return the images, annotations and categories of a file.

    Raises:
        DataError: It is no JSON, or lacks one of them.
    """
    try:
        whole = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}; is it whole?"
        ) from None
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to be COCO's") from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise DataError(f"{path} has an integer of more than 4300 digits") from None
    names = ("images", "annotations", "categories")
    for name in names:
        rows = whole.get(name) if isinstance(whole, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DataError(
                f"{path} has no list of {name}; COCO's files have {', '.join(names)}, each a list of objects"
            )
    return {name: whole[name] for name in names}


def _by_id(rows: Rows, what: str, problems: list[str]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Yield rows with their ids; say which have none, or one that another has."""
    seen = set[Any]()
    for place, row in enumerate(rows):
        key = row.get("id")
        if not _is_key(key):
            problems.append(f"{what} {place + 1} in the list has no id")
        elif key in seen:
            problems.append(f"two {what}s have the id {key!r}")
        else:
            seen.add(key)
            yield key, row


def _is_key(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _corners(box: object) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom of a bbox; None where it is none."""
    if not isinstance(box, list) or len(box) != 4:
        return None
    if not all(isinstance(side, int | float) and not isinstance(side, bool) for side in box):
        return None
    try:
        left, top, width, height = map(float, box)
    except OverflowError:  # an integer beyond 1e308
        return None
    return left, top, left + width, top + height


def _folder_of(path: Path, names: Sequence[object], options: CocoOptions) -> Path:
    """Return the folder that a file's images are in: of those that are usual the one with most of them.

    Raises:
        DataError: None of the first images is in any of them.
    """
    part = path.stem.removeprefix(BOXES)
    root = path.parent.parent if path.parent.name == ANNOTATIONS else path.parent
    places = [path.parent, root, root / part, root / "images", root / "images" / part]
    if options.images:
        places = [expand(options.images)]
    some = [name for name in names[:LOOKED_AT] if isinstance(name, str)]
    found = {folder: sum(is_file(folder / name) for name in some) for folder in places}
    if some and not any(found.values()):
        raise DataError(
            f"{path}: of the first {counted(len(some), 'image')} that it names, {list_some(some, 2)}, none is in "
            f"{' or '.join(map(str, found))}; images=FOLDER says where they are"
        )
    return max(found, key=lambda folder: found[folder])
