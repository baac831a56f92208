"""`webdataset`: images in shards, tar archives in which files of one name are an example: 0017.jpg and 0017.cls.

The format is that of Aizman, Maltby & Breuel 2020, "High performance I/O for large scale deep learning"
(arXiv:2001.01858). Nothing is unpacked, and of all members only images and labels are read: never a pickle.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, LoadedData, Preprocessing
from harness.api.declaring import Outline
from harness.api.reporting import counted
from harness_datasets.folders import (
    SPLITS,
    SUFFIXES,
    FileSort,
    ask_to_unpack,
    find_images,
    find_splits,
    join_sentences,
    of_folder,
    usual_split,
)
from harness_datasets.imagefolder import (
    SKIP,
    ImageFiles,
    digest_files,
    find_enlarged,
    own_preprocessing,
    preprocesses,
)
from harness_datasets.options import WebDatasetOptions
from harness_datasets.paths import find_file_or_folder
from harness_datasets.tar_members import Member, list_members
from harness_datasets.texts.files import read_text

__all__ = ["find_files", "load", "outline", "preprocesses"]

SHARDS = FileSort("shards", (".tar",))
NAMES = "classnames.txt"  # beside the shards: the names of classes 0, 1, 2 ..., a line each
_MOST_LABEL = 4096  # bytes
_WORDS = re.compile(r"[a-z]+")


Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class _Pairs:
    """images, labels: ``(examples,)``; splits are "" where they are cut later. left_out: how many of what is not read."""

    images: list[Member]
    labels: list[Member]
    splits: list[str]
    left_out: Counter[str]


def load(
    options: WebDatasetOptions,
    preprocessing: Preprocessing | None = None,
    reading: Mapping[str, Any] | None = None,
) -> LoadedData:
    """List the images and labels of all shards; images are read as they are asked for.

    A label is a number or a word in ``NAME.cls``, or in the member that the option `label` names. Numbers are named
    by ``classnames.txt`` beside the shards, where it is there.

    Raises:
        DataError: A shard is none, or is cut short; an image has no label, or a label no image; a label is none.
    """
    root = find_file_or_folder(options)
    pairs = _pair(root, options)
    words = _read_labels(pairs.labels, options.label)
    class_names, targets = _number_classes(root, words)
    asked = dataclasses.replace(preprocessing or own_preprocessing(options), **(reading or {}))
    images, splits = pairs.images, pairs.splits
    if options.skip_broken:
        broken = ImageFiles(images, options.channels, asked).find_broken()
        kept = [place for place in range(len(images)) if place not in broken]
        images, splits = [images[at] for at in kept], [splits[at] for at in kept]
        targets = targets[kept]
        pairs.left_out["images that cannot be read"] += len(broken)
    rows = [("images with their labels", str(len(images)), "examples")]
    rows += [
        (what, str(count), "left out") for what, count in sorted(pairs.left_out.items()) if count
    ]
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=ImageFiles(images, options.channels, asked, advice=SKIP),
        targets=targets,
        split=splits if any(splits) else None,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=class_names,
        preprocessing=asked.words(),
        keys=digest_files(images),
        name_example=lambda place: str(images[place]),
        names=[f"{one.shard.stem}/{one.name}" for one in images],
        findings=tuple(find_enlarged(images, options, asked, preprocessing)),
        notes=(
            DataNote(
                title=f"Members of the shards in {root}",
                header=("what", "number", "taken for"),
                rows=tuple(rows),
            ),
        ),
    )


def outline(options: WebDatasetOptions) -> Outline:
    """Return the shape of an example, where the options settle it."""
    find_files(options)
    if preprocesses(options):
        return Outline()
    return Outline(shape=(options.channels, *own_preprocessing(options).size))


def find_files(options: WebDatasetOptions) -> list[Path]:
    """Return the shards and the names of their classes.

    Raises:
        DataError: There is no shard.
    """
    root = find_file_or_folder(options)
    names = _names_path(root)
    return [*_shards(root), *([names] if names.is_file() else [])]


def _shards(root: Path) -> dict[Path, str]:
    """Return the shards and the split of each, by its folder or by a word of its name, as in ``imagenet-val-0003.tar``.

    Raises:
        DataError: There is none, or only some names tell of a split.
    """
    if root.is_file():
        return {root: ""}
    left_out: Counter[str] = Counter()
    found = {
        path: split
        for folder, split in find_splits(root, False, left_out, SHARDS).items()
        for path in find_images(folder, (), left_out, SHARDS)
    }
    if not found:
        raise DataError(
            f"{root} holds no shards; those are files that end in .tar{ask_to_unpack(root)}"
        )
    if any(found.values()):
        return found
    said = {path: _split_of(path) for path in found}
    if "" in said.values():
        odd = next(path for path, split in said.items() if not split)
        if set(said.values()) != {""}:
            raise DataError(
                f"{odd}: its name says no split, and those of other shards do; name all of them with train, val or test"
            )
        return found
    if "train" not in said.values():
        raise DataError(f"{root}: no shard is named with train, and others are with val or test")
    return {path: usual_split(split, said.values()) for path, split in said.items()}


def _split_of(shard: Path) -> str:
    words = _WORDS.findall(shard.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), "")


def _pair(root: Path, options: WebDatasetOptions) -> _Pairs:
    """Bring images and labels of one name together; what is wrong in all shards is told at once."""
    found = _Pairs([], [], [], Counter())
    wrong: list[str] = []
    ending, _, _ = options.label.partition(":")
    for shard, split in _shards(root).items():
        examples: dict[str, dict[str, Member]] = {}
        for member in list_members(shard):
            folder, slash, file = member.name.rpartition("/")
            name, _, suffix = file.partition(".")
            what = _part(suffix.lower(), ending)
            if not what or file.startswith("."):
                found.left_out[f"members that end in .{suffix}"] += 1
                continue
            parts = examples.setdefault(f"{folder}{slash}{name}", {})
            if what in parts:
                wrong.append(f"{member}: {parts[what].name} is {what} of the same example")
            parts[what] = member
        for name, parts in examples.items():
            if len(parts) == 2:
                found.images.append(parts["an image"])
                found.labels.append(parts["a label"])
                found.splits.append(split)
            elif "an image" in parts:
                wrong.append(f"{parts['an image']} has no label, {name}.{ending}, in its shard")
            else:
                wrong.append(f"{parts['a label']} has no image in its shard")
    if wrong:
        raise DataError(of_folder(root, join_sentences(wrong)))
    if not found.images:
        raise DataError(
            f"{root}: no shard has images and labels; an example is two members, such as 0017.jpg and 0017.{ending}"
        )
    return found


def _part(suffix: str, label: str) -> str:
    if suffix == label:
        return "a label"
    return "an image" if f".{suffix.rpartition('.')[2]}" in SUFFIXES else ""


def _read_labels(members: Sequence[Member], label: str) -> list[str]:
    """Return the word of each label: what its member holds, or of JSON the value of a key.

    Raises:
        DataError: Some hold none; all are told.
    """
    _, _, key = label.partition(":")
    words, wrong = [], []
    for member in members:
        try:
            words.append(_read_label(member, key))
        except ValueError as error:
            wrong.append(f"{member} {error}")
    if wrong:
        raise DataError(join_sentences(wrong))
    return words


def _read_label(member: Member, key: str) -> str:
    """Return the word of a label.

    Raises:
        ValueError: It holds none; the message says what it does.
    """
    if member.size > _MOST_LABEL and not key:
        raise ValueError(f"has {member.size:,} bytes, which are no class")
    try:
        text = member.read_bytes().decode("utf-8")
        value = json.loads(text)[key] if key else text.strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"is no text in UTF-8: {error.reason} at byte {error.start}") from None
    except (KeyError, TypeError):
        raise ValueError(f"has no key {key!r}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise ValueError(f"holds no class, which is a whole number or a word, but {value!r:.40}")
    return str(value).strip()


def _names_path(root: Path) -> Path:
    return (root if root.is_dir() else root.parent) / NAMES


def _number_classes(root: Path, words: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """Return the names of the classes that there are, and the place of each word's: numbers by their size and the file of names.

    A name that several classes have is told apart by their numbers.

    Raises:
        DataError: That file has too few names.
    """
    path = _names_path(root)
    if not all(word.isdecimal() and word.isascii() for word in words):
        names, targets = np.unique(words, return_inverse=True)
        return tuple(names.tolist()), targets
    numbers, targets = np.unique([int(word) for word in words], return_inverse=True)
    if not path.is_file():
        return tuple(map(str, numbers.tolist())), targets
    lines = read_text(path).splitlines()
    if numbers[-1] >= len(lines):
        raise DataError(
            f"{path} names {counted(len(lines), 'class', 'classes')}, from 0 on, and a label is {numbers[-1]}"
        )
    named = [(lines[number], number) for number in numbers.tolist()]
    counts = Counter(name for name, _ in named)  # ImageNet has two cranes
    return tuple(f"{name} ({n})" if counts[name] > 1 else name for name, n in named), targets
