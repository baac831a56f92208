"""Another data set as examples of this one: in its shape and range, its classes found among the data's.

Made ready once for all models that are measured on it. Where an example was made of a test example of this data, it
bears that one's id, so that verdicts pair.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import counted
from harness.catalogue.in_use import modality_named, problem_named
from harness.data.class_match import match_classes, plain_name
from harness.data.contents import check_targets, check_type
from harness.data.identity import example_ids, hash_texts
from harness.data.input_files import Inputs, digest
from harness.data.json_file import write_json
from harness.data.notes import write_notes
from harness.data.other_data import OtherData, OtherPart
from harness.data.outline import shape_misfit
from harness.data.prepare import load_data
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.preprocessing import Preprocessing
from harness.data.splits import TEST, Array
from harness.data.task import InputArray, LoadedData, Task
from harness.errors import DataError

_NEAR = 1e-3  # of the range of the data, by which values may lie beside it


def prepare_other(
    clean: Path,
    dataset: Chosen,
    preprocessing: Preprocessing | None,
    same_classes: bool,
    folder: Path,
) -> Task:
    """Write a data set as test examples of the prepared one in `clean` (see `OtherData`), and return their task.

    Of a data set with splits of its own the test examples are taken. A range that it declares is brought to that of
    the data; without one values stay as they are, and so do numbers of things, which are to be of the data's vocabulary.

    preprocessing: how the prepared data's pictures are read by published weights; None: to its size.
    same_classes: its classes must be classes of the data (`match_classes`); else labels do not count.

    Raises:
        DataError: Its examples have another shape, or are learnt from its own training examples; classes do not fit;
            there is no example; values lie outside the range of the data, or are of another vocabulary.
    """
    base = PreparedData.open(clean)
    label, task = dataset.label, base.task
    if preprocessing is None and task.modality_item.resizable:
        preprocessing = Preprocessing(size=(task.input_shape[-2], task.input_shape[-1]))
    loaded = load_data(dataset, preprocessing)
    if loaded.inputs is None:
        raise DataError(
            f"{label}: its inputs are learnt from its own training examples, so they are no examples of this data; name "
            "a data set of images or arrays"
        )
    if not loaded.inputs.shape[0]:
        raise DataError(f"{label}: it has no example")
    if words := shape_misfit(tuple(loaded.inputs.shape[1:]), tuple(task.input_shape)):
        raise DataError(f"{label}: {words}")
    check_type(label, loaded)
    things = _check_things(label, loaded, task)
    targets = check_targets(label, loaded)
    rows = _test_rows(loaded)
    classes = _classes(label, loaded, targets[rows], task) if same_classes else ()
    own = _Range(loaded.scale) if things else _Range.of(loaded, task)
    picked = _Picked(loaded.inputs, rows, own)
    scale = 1.0 if picked.range.changes else loaded.scale
    written = Inputs(label, loaded, picked).write(folder / "inputs.npy")
    if things:
        _check_vocabulary(label, written.low, written.high, task)
    elif same_classes:
        _check_values(label, written.low * scale, written.high * scale, task)
    targets = targets[rows]
    ids, paired, note = _identify(base, loaded, rows, targets, classes)
    if ids is None:
        contents = digest(written.values, None)
        ids = example_ids(contents, targets, loaded.class_names, np.full(len(rows), TEST))
    part = np.zeros(len(rows), dtype="int64") if loaded.part is None else loaded.part[rows]
    np.save(folder / "targets.npy", targets)
    np.save(folder / "split.npy", np.full(len(rows), TEST, dtype=np.uint8))
    np.save(folder / "ids.npy", ids)
    np.save(folder / "part_of.npy", part)
    there = {"train": 0, "validation": 0, "test": len(rows)}
    found = replace(task, scale=scale, counts=there, preprocessing=loaded.preprocessing)
    said = {
        "classes": [list(places) for places in classes],
        "parts": [dict(one) for one in loaded.parts] or [{}],
        "paired": paired,
        "note": note,
        "shared": [] if same_classes else _shared(loaded, targets, task),
    }
    write_json(folder / "other.json", said)
    write_json(folder / "task.json", found.to_json())
    write_notes(folder, loaded.notes)
    return found


@dataclass(frozen=True)
class _Range:
    """How values in data space of another data set become those of the data: factor * value + offset."""

    scale: float
    factor: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, loaded: LoadedData, task: Task) -> _Range:
        if loaded.low is None or loaded.high is None or not loaded.high > loaded.low:
            return cls(loaded.scale)
        factor = (task.high - task.low) / (loaded.high - loaded.low)
        return cls(loaded.scale, factor, task.low - factor * loaded.low)

    @property
    def changes(self) -> bool:
        return abs(self.factor - 1) > 1e-9 or abs(self.offset) > 1e-9

    def bring(self, stored: Array) -> Array:
        return np.asarray(stored.astype("float64") * self.scale * self.factor + self.offset)


@dataclass(frozen=True)
class _Picked:
    """Some rows of inputs, in the range of the data where that is another."""

    inputs: InputArray
    rows: Array
    range: _Range

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.inputs.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("float32") if self.range.changes else np.dtype(self.inputs.dtype)

    def __getitem__(self, index: slice) -> Array:
        rows = self.rows[index]
        first = int(rows[0]) if len(rows) else 0
        if np.array_equal(rows, np.arange(first, first + len(rows))):
            stored = np.asarray(self.inputs[slice(first, first + len(rows))])
        else:
            stored = np.concatenate([self.inputs[slice(row, row + 1)] for row in map(int, rows)])
        return self.range.bring(stored) if self.range.changes else stored


def _test_rows(loaded: LoadedData) -> Array:
    assert loaded.inputs is not None
    every = np.arange(loaded.inputs.shape[0])
    if loaded.split is None:
        return every
    test = np.flatnonzero(np.asarray(loaded.split).astype(str) == "test")
    return test if len(test) else every


def _classes(
    label: str, loaded: LoadedData, targets: Array, task: Task
) -> tuple[tuple[int, ...], ...]:
    if not problem_named(loaded.problem).classes:
        raise DataError(f"{label}: it is of {loaded.problem}, and has no classes of the data")
    names = loaded.class_names
    if not names:  # labels are places in the order of the data's classes
        count = int(targets.max()) + 1
        if count > task.outputs:
            raise DataError(
                f"{label}: it has a label {count - 1}, and the data have {counted(task.outputs, 'class', 'classes')}, "
                f"0 to {task.outputs - 1}"
            )
        return tuple((place,) for place in range(count))
    try:
        return match_classes(names, loaded.means, task.class_names, task.outputs)
    except DataError as error:
        raise DataError(f"{label}: {error}") from None


def _shared(loaded: LoadedData, targets: Array, task: Task) -> list[str]:
    """Return the names of classes of which there are examples and that are names of the data's classes, too."""
    known = set(map(plain_name, task.class_names))
    there = np.unique(targets) if loaded.class_names else ()
    return [name for one in there if plain_name(name := loaded.class_names[int(one)]) in known]


def _check_things(label: str, loaded: LoadedData, task: Task) -> bool:
    """Return whether inputs are numbers of things; refuse them beside real numbers, and things of another vocabulary."""
    things = task.modality_item.input_type != "float32"
    if things != (modality_named(loaded.modality).input_type != "float32"):
        raise DataError(
            f"{label}: its modality is {loaded.modality}, and that of the data {task.modality}; of the one inputs are numbers "
            "of things, and of the other quantities"
        )
    if things and loaded.high is not None and int(loaded.high) + 1 != task.vocabulary:
        raise DataError(
            f"{label}: it has a vocabulary of {int(loaded.high) + 1:,}, and the data have one of {task.vocabulary:,}; the same "
            "number would mean another thing"
        )
    return things


def _check_vocabulary(label: str, low: float, high: float, task: Task) -> None:
    if not 0 <= low <= high < task.vocabulary:
        raise DataError(
            f"{label}: its {task.modality} reach from {low:.0f} to {high:.0f}, and the vocabulary of the data from 0 to "
            f"{task.vocabulary - 1}"
        )


def _check_values(label: str, low: float, high: float, task: Task) -> None:
    slack = _NEAR * (task.high - task.low)
    if task.modality_item.fixed_range and not (
        low >= task.low - slack and high <= task.high + slack
    ):
        raise DataError(
            f"{label}: its values reach from {low:g} to {high:g}, and those of the data from {task.low:g} to "
            f"{task.high:g}; say which value is white (white= of an .npz)"
        )


def _identify(
    base: PreparedData,
    loaded: LoadedData,
    rows: Array,
    targets: Array,
    classes: Sequence[Sequence[int]],
) -> tuple[Array | None, bool, str]:
    """Return the ids of the test examples that examples were made of, whether they are known, and why not."""
    if not len(loaded.sources) or not classes:
        return None, False, ""
    test = np.flatnonzero(base.array("split") == TEST)  # in the order of the data set
    sources = np.asarray(loaded.sources)[rows]
    if sources.dtype.kind in "iu":
        if len(test) != int(sources.max()) + 1:
            return (
                None,
                False,
                f"it is made of {int(sources.max()) + 1:,} examples, and {len(test):,} are for testing",
            )
        places = sources
    else:
        path = base.folder / "names.npy"
        known = base.array("names")[test] if path.exists() else np.empty(0, dtype=np.uint64)
        order = np.argsort(known, kind="stable")
        wanted = hash_texts(sources.tolist())
        at = np.searchsorted(known[order], wanted).clip(max=max(0, len(order) - 1))
        if (
            not len(order)
            or len(np.unique(known)) != len(known)
            or (known[order][at] != wanted).any()
        ):
            return None, False, "not all of its examples bear names of test examples"
        places = order[at]
    behind = base.array("targets")[test][places]
    own = np.full(base.task.outputs, -1)
    for place, of in enumerate(classes):
        own[list(of)] = place
    odd = int((own[behind] != targets).sum())
    if odd:
        return (
            None,
            False,
            f"{odd:,} of {len(rows):,} labels differ from those of the test examples in their order",
        )
    return base.array("ids")[test][places], True, ""


def open_other(folder: Path, device: torch.device) -> OtherData:
    """Open what `prepare_other` has written."""
    data = PreparedData.open(folder)
    said = json.loads((folder / "other.json").read_text(encoding="utf-8"))
    inputs, targets, ids, part = (data.array(n) for n in ("inputs", "targets", "ids", "part_of"))
    parts = []
    for number, where in enumerate(said["parts"]):
        rows = np.flatnonzero(part == number)
        rows = rows[np.argsort(ids[rows], kind="stable")]
        if len(rows):
            examples = SplitExamples(inputs, rows, targets[rows], ids[rows], data.task, device)
            parts.append(OtherPart(where, examples))
    classes = tuple(map(tuple, said["classes"]))
    return OtherData(tuple(parts), classes, said["paired"], said["note"], tuple(said["shared"]))
