"""Paths that a person gives: data sets by path, the files that they read, weights."""

from __future__ import annotations

import fnmatch
import os
import typing
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.catalogue.catalogue import Catalogue, Entry, is_glob
from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset
from harness.catalogue.references import call
from harness.errors import DataError, UsageError, did_you_mean, near_path, nearest
from harness.plan.content import item_files
from harness.plan.grammar import parse_name

FOLDER_OF = "folder of "  # a suffix


def open_path(catalogue: Catalogue, text: str) -> Any:
    """Return the data set that a path means, with options such as ``./photos:size=64``.

    A name is returned as it is, and wins.

    Raises:
        UsageError: It is no name, and nothing is there, or no data set reads it.
    """
    known = catalogue.entries("dataset")
    parsed = parse_name(text)
    base = parsed.base
    looks = base.startswith((".", "/", "~")) or base.endswith("/")
    family = "".join(base.partition("/")[:2])
    if not looks and (base in known or family in known or is_glob(base)):
        return text
    path = Path(base).expanduser()
    readers = _readers(known, parsed.options.get("problem"))
    what = _sort_of_folder(path, readers) if os.path.isdir(path) else path.suffix.lower()
    if what in readers and os.path.exists(path):
        _check_problem(catalogue, base, what, parsed.options.get("problem"))
        return {"name": readers[what], "path": base, **parsed.options}
    if not os.path.exists(path):
        if looks or what in readers:
            raise UsageError(f"there is no file or folder {base!r}{near_path(base)}")
        near = did_you_mean(base, known) or near_path(base) or nearest(base, known)
        raise UsageError(
            f"no data set is named {base!r}, and there is no such file or folder{near}"
        )
    if not looks and what not in readers and not (path.suffix and os.path.isfile(path)):
        return text
    may = sorted(what for what in readers if not what.startswith(("folder/", FOLDER_OF)))
    raise UsageError(f"no data set reads {base!r}; a path may be {', '.join(may)}")


def _check_problem(catalogue: Catalogue, base: str, what: str, problem: Any) -> None:
    """Check that a problem is one that a data set takes of what is opened: each alone would only list its own.

    Raises:
        UsageError: It is none.
    """
    fields = (
        entry.item.options.model_fields.get("problem")
        for entry in catalogue.entries("dataset").values()
        if what in _opens(entry) and entry.item.options is not None
    )
    taken = [word for one in fields if one for word in typing.get_args(one.annotation)]
    known = list(dict.fromkeys(taken)) or sorted(catalogue.entries("problem"))
    if not isinstance(problem, str) or problem in known:
        return
    near = did_you_mean(problem, known)
    if taken:
        allowed = " or ".join(filter(None, (", ".join(map(repr, known[:-1])), repr(known[-1]))))
        raise UsageError(f"{base}: problem: {allowed} is allowed; got {problem!r}{near}")
    if near:
        raise UsageError(f"{base}: there is no problem {problem!r}{near}")


def _readers(known: Mapping[str, Entry], problem: Any) -> dict[str, str]:
    """Return {what is opened: the data set that reads it}: of several the one for the problem, else the first."""
    found: dict[str, str] = {}
    for name, entry in known.items():
        meant = getattr(entry.item, "problem", "") == problem
        found |= {what: name for what in _opens(entry) if meant or what not in found}
    return found


def _sort_of_folder(folder: Path, readers: Mapping[str, str]) -> str:
    """Return which of what is read a folder is: one with the files, or folders, by whose names a data set knows it, or all of whose files
    have a suffix, or any.

    Raises:
        UsageError: Several data sets know files in it.
    """
    try:
        files = [
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in os.scandir(folder)
            if entry.is_dir() or entry.is_file()
        ]
    except OSError:  # the reader of folders says why
        return "folder"
    patterns = [what for what in readers if what.startswith("folder/")]
    found = [
        what
        for what in patterns
        if all(fnmatch.filter(files, one) for one in what.removeprefix("folder/").split(","))
    ]
    # Any file of a suffix says less than a name: beside state.json and dataset_info.json it is not any *.json.
    found = [what for what in found if not what.startswith("folder/*.")] or found
    names = sorted({readers[what] for what in found})
    if len(names) > 1:
        raise UsageError(
            f"{str(folder)!r} has files of the data sets {' and '.join(names)}; say which, as in {names[0]}:path=..."
        )
    if found:
        return found[0]
    wanted = {what.removeprefix(FOLDER_OF) for what in readers if what.startswith(FOLDER_OF)}
    suffix = _only_suffix(folder, wanted)
    return f"{FOLDER_OF}{suffix}" if suffix else "folder"


def _only_suffix(folder: Path, wanted: Collection[str]) -> str:
    """Return the wanted suffix that all files below a folder have, in small letters; "" where one has another or there is none.

    Hidden files and what begins with one do not count. It is over with the first file that has another.
    """
    only = ""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith(".") or suffix == only:
                continue
            if only or suffix not in wanted:
                return ""
            only = suffix
    return only


def _opens(entry: Entry) -> tuple[str, ...]:
    return entry.item.opens if isinstance(entry.item, Dataset) else ()


def check_files(chosen: Chosen) -> None:
    """Check that the files that an item says it reads are there, and of a data set that they have what its options name.

    Raises:
        UsageError: One is not, or they do not.
    """
    what = "data set" if chosen.item.kind == "dataset" else chosen.item.kind
    for path in item_files(chosen):
        if not os.path.lexists(path):  # of a dangling link the reader tells more
            raise UsageError(f"{what} {chosen.label!r}: there is no file or folder {str(path)!r}")
    if isinstance(chosen.item, Dataset) and chosen.item.check is not None:
        call(chosen.item.check, options=chosen.model())


def settle_by_files(dataset: Chosen) -> Chosen:
    """Return a data set with the options that are left to its files settled by them, such as the problem.

    Files that cannot be read settle nothing: the job that prepares them says why, and blocks what needs it.
    """
    settle = getattr(dataset.item, "settle", None)
    if settle is None:
        return dataset
    try:
        found = call(settle, options=dataset.model())
    except DataError:
        return dataset
    return replace(dataset, options={**dataset.options, **found})


def check_weights(path: str) -> None:
    """Check that a file of weights is there and of a kind that is loaded without running code."""
    file = Path(path).expanduser()
    if not os.path.isfile(file):
        raise UsageError(
            f'no file {path!r}; "random", "pretrained" or the path of a file is allowed'
        )
    if file.suffix not in (".safetensors", ".pt", ".pth", ".bin"):
        raise UsageError(f"{path!r} is no .safetensors, .pt, .pth or .bin file")
