"""The names of classes and columns in a file of weights, and those of the data that it is loaded for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from harness.catalogue.counts import list_some
from harness.catalogue.finding import Finding
from harness.data.model import DataSpaceModel
from harness.data.task import Task
from harness.errors import CheckpointError
from harness.train.head import find_head, output_dimensions
from harness.train.weights_file import Weights

CLASSES_BY_NUMBER = "classes by their number"
COLUMNS_BY_PLACE = "columns or words by their place"
_NAMED = 6  # classes or columns that are listed in a sentence


def require_same_features(path: Path, theirs: tuple[str, ...], ours: tuple[str, ...]) -> None:
    """Refuse a table whose columns, or texts whose words, are others or in another order than those of the file.

    Raises:
        CheckpointError: They are.
    """
    if not theirs or not ours or theirs == ours:
        return
    lacking = [name for name in theirs if name not in ours]
    added = [name for name in ours if name not in theirs]
    if lacking or added:
        told = [f"lacks {name!r}" for name in lacking[:3]]
        told += [f"has {name!r}, which the file lacks" for name in added[:3]]
        what = f"the data {' and '.join(told)}"
    elif len(theirs) != len(ours):
        what = f"the file has {len(theirs)} and the data {len(ours)}"
    else:
        place = next(
            i for i, pair in enumerate(zip(theirs, ours, strict=True)) if len(set(pair)) > 1
        )
        what = (
            f"feature {place} is {theirs[place]!r} in the file and {ours[place]!r} in the data; put the "
            "columns in the file's order"
        )
    raise CheckpointError(f"{path} is of other features: {what}")


def match_classes(model: DataSpaceModel, task: Task, weights: Weights) -> tuple[Weights, str]:
    """Return the weights with their outputs in the order of the data's classes, and what was done.

    Raises:
        CheckpointError: A class of the data is none of the file's, or the outputs cannot be reordered.
    """
    theirs, ours = weights.class_names, task.class_names
    if theirs == ours:
        return weights, ""
    if not task.problem_item.classes:  # which outputs are of which class is not known
        if not theirs or not ours:
            return weights, ""
        listed = list_some([repr(name) for name in theirs], _NAMED)
        raise CheckpointError(
            f"its classes are {listed}, and the data's are others, or in another order: outputs of {task.problem} are not "
            "matched by name"
        )
    if not theirs or not ours:
        return weights, f"{CLASSES_BY_NUMBER}: the {'file' if ours else 'data'} does not name them"
    missing = [name for name in ours if name not in theirs]
    if missing:
        listed = list_some([repr(name) for name in theirs], _NAMED)
        raise CheckpointError(f"{missing[0]!r} is none of its classes, {listed}")
    order = torch.tensor([theirs.index(name) for name in ours])
    state = dict(weights.state)
    for name, dimension in output_dimensions(model, task, find_head(model, task)).items():
        if isinstance(state.get(name), Tensor) and state[name].shape[dimension] == len(theirs):
            state[name] = state[name].index_select(dimension, order)
    return replace(weights, state=state), "outputs matched to the data's classes by name"


def find_unnamed(path: Path, task: Task, notes: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each sort of names that a file and the data could not be matched by.

    notes: what `start_from` returned.
    """
    for words, names in (
        (CLASSES_BY_NUMBER, task.class_names),
        (COLUMNS_BY_PLACE, task.input_names),
    ):
        note = next((note for note in notes if note.startswith(words)), "")
        if not note:
            continue
        listed = list_some([repr(name) for name in names], _NAMED)
        yield Finding(
            code="weights-unnamed",
            sentence=f"{path.name} was loaded with its {note}{f'. The data has {listed}' if names else ''}.",
            advice="See that it was trained on these in this order, else every figure is wrong; the checkpoint of a run "
            "(model.safetensors) has the names.",
        )
