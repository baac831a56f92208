"""`textfolder`: a person's own files of text: a folder for each class, or what comes next in them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, LoadedData, TextCode
from harness.api.declaring import Outline
from harness.api.reporting import counted
from harness_datasets.folders import (
    FileSort,
    ask_to_unpack,
    find_images,
    find_splits,
    join_sentences,
    of_folder,
    read_layout,
    subfolders,
)
from harness_datasets.options import TextFolderOptions
from harness_datasets.paths import find_file_or_folder
from harness_datasets.text_windows import windows, windows_of
from harness_datasets.texts.encoding import TextEncoder, digests
from harness_datasets.texts.files import read_text

Array = np.ndarray[Any, Any]

TEXTS = FileSort("texts", (".txt",))
WINDOW = 128  # bytes, where no length is given
MANY = 10  # files, from which on each is in one split alone


def settle(options: TextFolderOptions) -> dict[str, Any]:
    """Return what the folders ask for: of class folders the class, else which byte comes next.

    Raises:
        DataError: Folders cannot be read, or do not fit.
    """
    if options.problem != "auto":
        return {}
    return {"problem": "classification" if _class_folders(options) else "next_token"}


def load(options: TextFolderOptions) -> LoadedData:
    """Load files of text, in UTF-8.

    ``<class>/*.txt`` or ``<split>/<class>/*.txt``: which class a file is of; its tokens are learnt from the training files.
    A file, ``*.txt`` or ``<split>/*.txt``: which byte comes next, or by=bpe which pair of bytes, in windows one after another. Of 10
    files or more each is in one split alone, though not in the same one by both; of fewer the end of each is for testing. Characters
    and words are refused: what is rare could not be written in full, so that bits per byte would not be all bits.

    Raises:
        DataError: A file is not in UTF-8, folders do not fit, or there is too little text; all that is wrong at once.
    """
    problem = options.problem
    if problem == "auto":
        problem = settle(options)["problem"]
    return _classes(options) if problem == "classification" else _next_bytes(options)


def _classes(options: TextFolderOptions) -> LoadedData:
    root = find_file_or_folder(options)
    if root.is_file():
        raise DataError(f"{root} is one file; problem=classification needs a folder for each class")
    layout = read_layout(root, options.test_only, options.classes, TEXTS)
    texts = _read_all(root, layout.images, layout.problems)
    return LoadedData(
        modality="tokens",
        problem="classification",
        encode=TextEncoder(texts, options),
        keys=digests(texts),
        targets=np.array(layout.targets, dtype="int64"),
        split=layout.splits,
        low=0.0,
        class_names=layout.class_names,
        name_example=lambda row: str(layout.images[row]),
        columns=layout.columns(),
        notes=(layout.note(),),
    )


def _next_bytes(options: TextFolderOptions) -> LoadedData:
    root = find_file_or_folder(options)
    if options.by in ("characters", "words"):
        blanks = " and blanks are lost" if options.by == "words" else ""
        raise DataError(
            f"{root}: by={options.by}: rare {options.by} are one unknown sign{blanks}, which costs a model no bits to write in "
            "full: its bits per byte, by which models of all tokens are compared, would be too low; give by=bytes, or by=bpe for "
            "pairs of bytes, by which every text can be written"
        )
    if options.by == "bpe":
        return _next_pairs(root, options)
    length = options.length or WINDOW
    files = _split_files(root, options)
    texts = [text.encode("utf-8") for text in _read_all(root, list(files))]
    parts = [windows(text, length, 1) for text in texts]
    whole = np.concatenate(parts)
    if not len(whole):
        raise DataError(
            f"{root}: no file has {length + 1} bytes, a window and the byte after it; give a smaller length, now {length}"
        )
    file_of = np.concatenate([np.full(len(part), place) for place, part in enumerate(parts)])
    splits = np.array(list(files.values()))[file_of]
    fixed, many = bool(splits[0]), len(files) >= MANY
    places = list(files)
    return LoadedData(
        modality="tokens",
        problem="next_token",
        inputs=np.ascontiguousarray(whole[:, :-1]),
        targets=whole[:, 1:].astype("int64"),
        split=splits if fixed else None,
        low=0.0,
        high=255.0,
        groups=file_of if many and not fixed else None,
        order=None
        if many or fixed
        else np.concatenate([np.arange(len(p)) / len(p) for p in parts]),
        name_example=lambda row: f"a window of {places[file_of[row]]}",
        text=TextCode(by="bytes"),
        notes=(_note(root, texts, len(whole), length, fixed=fixed, many=many),),
    )


def _next_pairs(root: Path, options: TextFolderOptions) -> LoadedData:
    """Load windows of byte pairs, which are learnt from the training texts.

    Of `MANY` files or more those whose text has the smallest digest are for testing, then for validation; of fewer
    the end of each is, so that pairs are learnt of no text that is tested on.
    """
    length = options.length or WINDOW
    files = _split_files(root, options)
    texts = _read_all(root, list(files))
    pieces = _cut_texts(list(files.items()), texts)
    train = [text for _, split, text in pieces if split == "train"]
    if not train:
        raise DataError(
            f"{root}: there is no text for training, of which pairs of bytes are learnt"
        )
    code = dataclasses.replace(TextCode.learn("bpe", train, options.vocabulary), padding=None)
    parts = [
        windows_of(np.array(code.numbers(text), dtype=np.int32), length, 1) for *_, text in pieces
    ]
    whole = np.concatenate(parts)
    counts = list(map(len, parts))
    split = np.repeat([split for _, split, _ in pieces], counts)
    if missing := {"train", "test"} - set(split.tolist()):
        raise DataError(
            f"{root}: no text for {' and '.join(sorted(missing))} has {length + 1} pairs of bytes, a window and the one after it; give "
            f"a smaller length, now {length}"
        )
    sizes = np.array(code.bytes_of_things())
    each = float(sizes[whole[split == "test", 1:]].mean())
    size = sum(len(text.encode("utf-8")) for text in texts)
    rows = (
        ("text", f"{size:,} bytes of UTF-8 in {counted(len(texts), 'file')}"),
        (
            "tokens",
            f"{counted(code.size, 'thing')}: pairs of bytes that come often in training; {each:.2f} bytes each in the test",
        ),
        ("examples", f"{len(whole):,} windows of {length} tokens, one after another"),
        ("targets", "the token after each; before the first of a window a model is given none"),
        ("splits", _say_splits(fixed=any(files.values()), many=len(files) >= MANY)),
    )
    named = np.repeat(np.arange(len(pieces)), counts)
    return LoadedData(
        modality="tokens",
        problem="next_token",
        inputs=np.ascontiguousarray(whole[:, :-1]),
        targets=whole[:, 1:].astype("int64"),
        split=split,
        low=0.0,
        high=float(code.size - 1),
        name_example=lambda row: f"a window of {pieces[named[row]][0]}",
        text=code,
        details={"bytes_per_token": each},
        notes=(DataNote(title=f"Text in {root}", header=("what", "how"), rows=rows),),
    )


def _cut_texts(
    files: Sequence[tuple[Path, str]], texts: Sequence[str]
) -> list[tuple[Path, str, str]]:
    """Return pieces of texts: the file, the split and the piece of each."""
    if files[0][1]:
        return [(path, split, text) for (path, split), text in zip(files, texts, strict=True)]
    if len(files) >= MANY:
        order = sorted(range(len(files)), key=lambda place: bytes(digests([texts[place]])[0]))
        ends = [round(share * len(files)) for share in (0.2, 0.4)]
        named = {place: "test" for place in order[: ends[0]]}
        named |= {place: "validation" for place in order[ends[0] : ends[1]]}
        return [(files[k][0], named.get(k, "train"), text) for k, text in enumerate(texts)]
    pieces = []
    for (path, _), text in zip(files, texts, strict=True):
        first, second = (round(share * len(text)) for share in (0.6, 0.8))
        pieces += [
            (path, "train", text[:first]),
            (path, "validation", text[first:second]),
            (path, "test", text[second:]),
        ]
    return pieces


def _note(
    root: Path, texts: Sequence[bytes], count: int, length: int, *, fixed: bool, many: bool
) -> DataNote:
    size = sum(map(len, texts))
    rows = (
        ("text", f"{size:,} bytes of UTF-8 in {counted(len(texts), 'file')}"),
        ("examples", f"{count:,} windows of {length} bytes, one after another"),
        ("targets", "the byte after each; before the first of a window a model is given none"),
        ("left out", f"{size - count * length:,} bytes at the ends of files"),
        ("splits", _say_splits(fixed=fixed, many=many)),
    )
    return DataNote(title=f"Text in {root}", header=("what", "how"), rows=rows)


def _say_splits(*, fixed: bool, many: bool) -> str:
    if fixed:
        return "the folders of that name"
    return "each file is in one split alone" if many else "the end of each file is for testing"


def _read_all(root: Path, files: Sequence[Path], problems: Sequence[str] = ()) -> list[str]:
    """Return the texts of files; all that is wrong with them is told at once."""
    texts, wrong = [], list(problems)
    for path in files:
        try:
            texts.append(read_text(path))
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        raise DataError(of_folder(root, join_sentences(wrong)))
    return texts


def _split_files(root: Path, options: TextFolderOptions) -> dict[Path, str]:
    """Return the files below a folder, or the one, and the split of each; "" where they are cut later.

    Raises:
        DataError: There are none.
    """
    if root.is_file():
        return {root: ""}
    left_out: Counter[str] = Counter()
    found = {
        path: split
        for folder, split in find_splits(root, options.test_only, left_out, TEXTS).items()
        for path in find_images(folder, (), left_out, TEXTS)
    }
    if not found:
        raise DataError(f"{root}: there is no file that ends in .txt{ask_to_unpack(root)}")
    return found


def _class_folders(options: TextFolderOptions) -> bool:
    """Whether folders below the splits hold the texts."""
    root = find_file_or_folder(options)
    if root.is_file():
        return False
    left_out: Counter[str] = Counter()
    folders = find_splits(root, options.test_only, left_out, TEXTS)
    return any(subfolders(folder, left_out, TEXTS) for folder in folders)


def outline(options: TextFolderOptions) -> Outline:
    """Return the classes of a folder.

    Raises:
        DataError: As of `load`, but for what is in the files.
    """
    root = find_file_or_folder(options)
    if options.problem == "next_token" or not _class_folders(options):
        return Outline(shape=(options.length or WINDOW,))
    layout = read_layout(root, options.test_only, options.classes, TEXTS)
    return Outline(class_names=layout.class_names, columns=tuple(layout.columns()))


def find_files(options: TextFolderOptions) -> list[Path]:
    """Return the file, or the folder, that `load` reads."""
    return [find_file_or_folder(options)]
