"""A model's weights on disk, and what they may be loaded into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.model import DataSpaceModel
from harness.data.task import Task
from harness.errors import CheckpointError
from harness.train.head import find_head, is_part, layers_of
from harness.train.outside_state import restore
from harness.train.weight_names import COLUMNS_BY_PLACE, match_classes, require_same_features
from harness.train.weights_file import Weights, keep_state, read, require_readable, write

NAME = "model.safetensors"


def save(
    model: nn.Module, folder: Path, task: Task, outside: Mapping[str, Tensor] | None = None
) -> Path:
    """Write a model's weights and buffers to `folder`, with the names of its classes and features.

    outside: tensors of it that are not in its state (see `outside_state`).

    Raises:
        CheckpointError: Its state holds what could not be read again without running code.
    """
    state, path = model.state_dict(), folder / NAME
    versions = getattr(state, "_metadata", {})
    write(
        path,
        Weights(
            state=state,
            versions=versions,
            class_names=task.class_names,
            feature_names=task.input_names,
            outside=outside or {},
        ),
    )
    return path


def check_state(model: nn.Module) -> None:
    """Check that `save` will write a model, before it is trained.

    Raises:
        CheckpointError: As `save`.
    """
    require_readable(model.state_dict())


def load(model: nn.Module, folder: Path) -> None:
    """Read what `save` wrote into the same model.

    Raises:
        CheckpointError: The file is of another model.
    """
    weights = read(folder / NAME)
    problems = _load(model, weights)
    if problems:
        raise CheckpointError(f"{folder / NAME} does not fit the model: " + "; ".join(problems[:5]))
    restore(model, weights.outside)


def start_from(
    model: DataSpaceModel, path: Path, task: Task, *, may_replace_head: bool
) -> list[str]:
    """Load a file of weights to fine-tune (or to measure) from; return what was done, in words.

    The file may be a checkpoint of ours or the weights of the bare network; whatever torch's strict
    loading takes is taken. Where both name their classes these are matched by name: the outputs are put
    in the order of the data's, and those that the data lacks are left out. Where the head or its classes
    are others, it keeps its new random weights if `may_replace_head`.

    Raises:
        CheckpointError: Anything else differs, the features of a table and the words of a text among it.
    """
    weights, around = _choose_part(read(path), model.net)
    require_same_features(path, weights.feature_names, task.input_names)
    notes = [f"weights of {path.name}"]
    if task.input_names and not weights.feature_names:
        notes.append(f"{COLUMNS_BY_PLACE}: the file does not name them")
    if around is not None and _take_over(model.first, around.below("first.")):
        notes.append("normalisation of the file")
    fresh = keep_state(model.net)
    try:
        weights, matched = match_classes(model, task, weights)
        problem = "; ".join(_load(model.net, weights)[:5])
    except CheckpointError as error:
        matched, problem = "", str(error)
    if problem:
        matched = ""
        model.net.load_state_dict(fresh)
        notes.append(_load_trunk(model, task, weights, problem, path, may_replace_head))
    elif around is not None and _take_over(model.last, around.below("last.")):
        notes.append("scale of the targets of the file")
    if not problem:
        restore(model.net, weights.outside)
    return [*notes, *([matched] if matched else [])]


def freeze_trunk(model: DataSpaceModel, task: Task) -> None:
    """Let only the head of the network learn."""
    head = find_head(model, task)
    for name, parameter in model.net.named_parameters():
        parameter.requires_grad_(name in head)


def _choose_part(weights: Weights, net: nn.Module) -> tuple[Weights, Weights | None]:
    """Return the network's weights in a file, and the file itself where it is a checkpoint of ours."""
    wanted = net.state_dict().keys()

    def fit(part: Weights) -> int:
        shared = len(part.state.keys() & wanted)
        return 2 * shared - len(part.state)  # those that are shared less those that are too many

    parts = [weights, weights.unwrapped(), weights.below("net.")]
    best = max(parts, key=fit)
    return best, weights if best is parts[2] else None


def _load_trunk(
    model: DataSpaceModel,
    task: Task,
    weights: Weights,
    problem: str,
    path: Path,
    may_replace_head: bool,
) -> str:
    """Load all but the head, which stays as it is; return what was done.

    Raises:
        CheckpointError: The trunk differs too, or the head may not be replaced.
    """
    head = find_head(model, task)
    parameters = dict(model.net.named_parameters())
    own = keep_state(model.net)
    trunk = {k: v for k, v in weights.state.items() if not is_part(k, head, parameters)}
    kept = {k: v for k, v in own.items() if is_part(k, head, parameters)}
    others = _load(model.net, replace(weights, state={**trunk, **kept}))
    if others:
        raise CheckpointError(f"{path} does not fit the model: " + "; ".join(others[:5]))
    if not may_replace_head:
        raise CheckpointError(
            f"{path} has another head ({problem}); with epochs = 0 it would be random: "
            "train it, or give weights for these classes"
        )
    return f"new head {', '.join(layers_of(head))}".strip()


def require_all_published(label: str, model: DataSpaceModel, again: DataSpaceModel) -> None:
    """Refuse a model whose published weights leave some to chance, such as a head for other classes.

    again: the same, built under another seed: what differs is drawn and not loaded.

    Raises:
        CheckpointError: Some parameters differ.
    """
    others = dict(again.net.named_parameters())
    drawn = [
        name for name, one in model.net.named_parameters() if not torch.equal(one, others[name])
    ]
    if drawn:
        raise CheckpointError(
            f"the published weights of {label} are none for these data: {', '.join(layers_of(frozenset(drawn)))} would be random "
            "with epochs = 0; train it, or measure on data with the classes that they were trained on"
        )


def _load(module: nn.Module, weights: Weights) -> list[str]:
    """Load weights as torch does, strictly; say why it refuses them, if it does."""
    try:
        module.load_state_dict(weights.loadable())
    except Exception as error:  # modules may have their own way of loading
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        return _differences(module.state_dict(), weights.state) or [first_line]
    return []


def _take_over(layers: nn.Module, weights: Weights) -> bool:
    """Load the state of the layers around the network where it fits; say whether it did."""
    if not weights.state or _differences(layers.state_dict(), weights.state):
        return False
    return not _load(layers, weights)


def _differences(wanted: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    """Say how a file's tensors differ from those that a model has."""
    problems = []
    for name, value in wanted.items():
        if name not in state:
            problems.append(f"{name} is missing")
        elif isinstance(value, Tensor) and isinstance(state[name], Tensor):
            got, want = tuple(state[name].shape), tuple(value.shape)
            if got != want:
                problems.append(f"{name} has the shape {got}, wanted {want}")
    problems += [f"{name} is not in the model" for name in state if name not in wanted]
    return problems
