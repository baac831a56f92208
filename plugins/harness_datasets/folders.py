"""A folder of class folders: which files are read, of which class and split; nothing is opened.

One walk lists the files for the reader and for the fingerprint, so both mean the same files.
Links are followed; below a class each folder is read once, so that a loop of links ends.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.api import DataError, DataNote
from harness.api.reporting import counted, list_some
from harness_datasets.chosen_classes import places

SUFFIXES = (
    ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pfm",
    ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
)  # fmt: skip
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
SYSTEM_FOLDERS = {
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information",
}  # fmt: skip
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
BROKEN = "images that cannot be read"
_ARCHIVES = (".7z", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".zip")
_PACKED = (".bz2", ".gz", ".xz", ".zst")  # behind .tar


@dataclass(frozen=True)
class FileSort:
    """Which files are examples: by their suffixes, and what they are called."""

    word: str
    suffixes: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Return whether a file is named like one."""
        return os.path.splitext(name)[1].lower() in self.suffixes and not is_system(name)


IMAGES = FileSort("images", SUFFIXES)


@dataclass(frozen=True)
class Layout:
    """The files of a folder, in the order in which they become examples.

    images, targets, splits: ``(examples,)``; splits are None where they are cut later.
    problems: sentences that forbid to go on. left_out: how many of what is not read. sort: of files.
    """

    root: Path
    class_names: tuple[str, ...] = ()
    images: tuple[Path, ...] = ()
    targets: tuple[int, ...] = ()
    splits: tuple[str, ...] | None = None
    problems: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    sort: FileSort = IMAGES

    def without(self, broken: Mapping[int, str]) -> Layout:
        """Return the layout less the images at some positions, which are counted."""
        kept = [position for position in range(len(self.images)) if position not in broken]
        splits = self.splits
        return replace(
            self,
            images=tuple(self.images[position] for position in kept),
            targets=tuple(self.targets[position] for position in kept),
            splits=None if splits is None else tuple(splits[position] for position in kept),
            left_out=self.left_out + Counter({BROKEN: len(broken)}),
        )

    def only(self, classes: Sequence[str]) -> Layout:
        """Return the layout with some classes alone, numbered anew in their order; all of them where none is asked for.

        Raises:
            DataError: A class is not there.
        """
        if not classes:
            return self
        own = places(str(self.root), self.class_names, classes)
        kept = [at for at, target in enumerate(self.targets) if target in own]
        out = {f"{self.sort.word} of classes that are not asked for": len(self.targets) - len(kept)}
        return replace(
            self,
            class_names=tuple(self.class_names[place] for place in own),
            images=tuple(self.images[at] for at in kept),
            targets=tuple(own[self.targets[at]] for at in kept),
            splits=None if self.splits is None else tuple(self.splits[at] for at in kept),
            left_out=self.left_out + Counter(out),
        )

    def columns(self) -> dict[str, list[str]]:
        """Return the folder of each image below its class, as a column by which figures may be told apart."""
        below = []
        for path, target in zip(self.images, self.targets, strict=True):
            parts = path.relative_to(self.root).parts[:-1]
            below.append("/".join(parts[parts.index(self.class_names[target]) + 1 :]) or ".")
        return {"folder": below} if len(set(below)) > 1 else {}

    def note(self) -> DataNote:
        """Return what was read and what was left out, for the log and the report."""
        read = (
            f"{self.sort.word} of {counted(len(self.class_names), 'class', 'classes')}",
            str(len(self.images)),
            "examples",
        )
        left_out = [(what, str(count), "left out") for what, count in sorted(self.left_out.items())]
        return DataNote(
            title=f"Files in {self.root}",
            header=("what", "number", "taken for"),
            rows=(read, *left_out),
        )


def of_folder(root: Path, told: str) -> str:
    """Say of which folder a problem is, where the sentence does not begin with it."""
    begins = re.match(rf"{re.escape(str(root))}[/ :]", told)
    return told if begins else f"{root}: {told}"


def join_sentences(problems: Sequence[str], most: int = 10) -> str:
    """Return a problem as it is; several numbered, at most so many, and how many more there are."""
    if len(problems) == 1:
        return problems[0]
    shown = "".join(f"\n  {number}. {text}" for number, text in enumerate(problems[:most], 1))
    rest = f"\n  ... and {len(problems) - most} more" if len(problems) > most else ""
    return f"{len(problems)} problems:{shown}{rest}"


def read_layout(
    root: Path, test_only: bool, classes: Sequence[str] = (), sort: FileSort = IMAGES
) -> Layout:
    """List the files of ``root/<class>/*`` or ``root/<split>/<class>/*``.

    Where there is a val (or valid, validation) but no test, val is the test, as is usual with
    ImageNet. Hidden and system files and files without the suffix of an example do not count.

    classes: those to take; (): all. sort: of files.

    Raises:
        DataError: A class is not there, a folder cannot be read, two folders are the same split, or splits stand beside
            other folders. All that is wrong inside the classes is in `problems` instead.
    """
    left_out: Counter[str] = Counter()
    folders = find_splits(root, test_only, left_out, sort)
    names = {
        folder: [path.name for path in subfolders(folder, left_out, sort)] for folder in folders
    }
    first, *others = folders
    class_names = names[first]
    problems = dangling_links(folders)
    if len(class_names) < 2:
        problems.append(
            f"{first} has {counted(len(class_names), 'class folder')}; two or more are needed, each with "
            f"the {sort.word} of one class{ask_to_unpack(first)}"
        )
    for folder in others:
        odd = sorted(set(names[folder]) ^ set(class_names))
        if odd := [name for name in odd if not classes or name in classes]:
            problems.append(
                f"{first} and {folder} have different classes; only one of them has: "
                f"{', '.join(odd[:8])}{', ...' if len(odd) > 8 else ''}"
            )
    images: list[Path] = []
    targets: list[int] = []
    splits: list[str] = []
    empty: list[str] = []
    for folder, split in folders.items():
        for name in names[folder]:
            found = find_images(folder / name, (root, folder), left_out, sort)
            if not found and (not classes or name in classes):
                empty.append(str(folder / name))
            images += found
            targets += [class_names.index(name) if name in class_names else -1] * len(found)
            splits += [split] * len(found)
    if empty:
        have, them = ("has", "the folder") if len(empty) == 1 else ("have", "these folders")
        problems.append(
            f"{list_some(empty)} {have} no {sort.word}, and each class needs some: remove {them}, "
            f"or add {sort.word}; those count that end in {', '.join(sort.suffixes)}"
        )
    fixed = list(folders) != [root] or test_only
    return Layout(
        root=root,
        class_names=tuple(class_names),
        images=tuple(images),
        targets=tuple(targets),
        splits=tuple(splits) if fixed else None,
        problems=tuple(problems),
        left_out=left_out,
        sort=sort,
    ).only(classes)


def find_splits(
    root: Path, test_only: bool, left_out: Counter[str], sort: FileSort = IMAGES
) -> dict[Path, str]:
    """Return the folders whose children are classes, and the split that each is.

    Raises:
        DataError: Two folders are the same split, or splits stand beside other folders.
    """
    below = subfolders(root, left_out, sort)
    splits = [path for path in below if path.name.lower() in SPLITS]
    odd = [path.name for path in below if path not in splits]
    if not splits or (odd and len(splits) == 1):  # "train" is also a vehicle
        left_out.clear()  # the same folder is listed again, for its classes
        return {root: "test" if test_only else ""}
    if odd:
        names = ", ".join(path.name for path in splits)
        raise DataError(f"{root} has splits ({names}) beside {', '.join(odd[:8])}")
    by_split: dict[str, Path] = {}
    for path in splits:
        split = SPLITS[path.name.lower()]
        if split in by_split:
            raise DataError(f"{by_split[split]} and {path} would both be the {split} split")
        by_split[split] = path
    if test_only or list(by_split) == ["validation"] or list(by_split) == ["test"]:
        chosen = by_split.get("test") or by_split.get("validation")
        if chosen is None:
            raise DataError(f"{root} has neither val/ nor test/, which test_only asks for")
        return {chosen: "test"}
    if "train" not in by_split:
        raise DataError(f"{root} has {' and '.join(by_split)} but no train/; say test_only=true")
    return {path: usual_split(split, by_split) for split, path in by_split.items()}


def usual_split(split: str, there: Collection[str]) -> str:
    """Return what a split is beside those that are there: validation without a test is the test, as is usual with ImageNet."""
    return "test" if split == "validation" and "test" not in there else split


def subfolders(folder: Path, left_out: Counter[str], sort: FileSort = IMAGES) -> list[Path]:
    """Return the folders in a folder, sorted by name, without hidden ones and those of systems."""
    found = []
    for entry in list_folder(folder):
        if not entry.is_dir():
            if sort.has(entry.name):
                left_out[f"{sort.word} beside the class folders"] += 1
        elif is_system(entry.name):
            left_out[f"hidden or system folders ({entry.name})"] += 1
        else:
            found.append(folder / entry.name)
    return found


def ask_to_unpack(folder: Path) -> str:
    """Return the end of a sentence about a folder in which nothing was found: which archives are there; "" where none are."""
    found = [
        entry.name
        for entry in list_folder(folder)
        if not is_system(entry.name) and _is_archive(entry.name.lower())
    ]
    return f"; unpack {list_some(found)}, which nobody looks into here" if found else ""


def _is_archive(name: str) -> bool:
    stem, suffix = os.path.splitext(name)
    return suffix in _ARCHIVES or (suffix in _PACKED and stem.endswith(".tar"))


def dangling_links(folders: Iterable[Path]) -> list[str]:
    """Say which links beside the classes lead nowhere: each may be a class that is lost."""
    return [
        f"{entry.path} is a link to {os.readlink(entry.path)!r}, and nothing is there"
        for folder in folders
        for entry in list_folder(folder)
        if entry.is_symlink() and not os.path.exists(entry.path) and not is_system(entry.name)
    ]


def find_images(
    folder: Path, above: Sequence[Path], left_out: Counter[str], sort: FileSort = IMAGES
) -> list[Path]:
    """Return the images, or files of another sort, at any depth below a folder, sorted.

    A link that leads nowhere is one of them: it may have led to some. above: folders that are not
    entered again, should a link lead back to them.

    Raises:
        DataError: A folder cannot be read.
    """
    entered = {_identity(path) for path in above}
    found: list[Path] = []
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        identity = _identity(parent)
        if identity in entered:
            left_out["links to folders that are read already"] += 1
            continue
        entered.add(identity)
        below = []
        for entry in list_folder(parent):
            if entry.is_dir():
                if is_system(entry.name):
                    left_out[f"hidden or system folders ({entry.name})"] += 1
                else:
                    below.append(parent / entry.name)
            elif is_system(entry.name):
                left_out["hidden or system files"] += 1
            elif sort.has(entry.name) or not (entry.is_file() or os.path.exists(entry.path)):
                found.append(parent / entry.name)
            else:
                suffix = os.path.splitext(entry.name)[1] or "no suffix"
                left_out[f"files that are no {sort.word} ({suffix})"] += 1
        waiting += reversed(below)
    return sorted(found)


def list_folder(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, sorted by name.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from None


def is_system(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that systems leave behind."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS or name.lower() in SYSTEM_FILES


def name_of(path: Path) -> str:
    """Return what an image is known by in other data sets: its folder and its name without suffix."""
    return f"{path.parent.name}/{path.stem}"


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
