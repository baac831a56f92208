"""Making a data set ready once: checked, split, hashed, written as arrays that jobs map."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding, write_findings
from harness.catalogue.in_use import modality_named, problem_named
from harness.catalogue.references import call
from harness.data.column_labels import write_columns
from harness.data.column_statistics import mean_and_deviation, storage_offset
from harness.data.contents import check_range, check_shape, check_split, check_targets, check_type
from harness.data.data_findings import (
    find_alike_classes,
    find_copies,
    find_far,
    find_merged,
    find_torn_groups,
)
from harness.data.identity import each_target, example_ids, hash_texts, key_by_seed
from harness.data.input_files import Inputs, Written, digest
from harness.data.input_statistics import input_statistics, some_of, value_axes
from harness.data.json_file import write_json
from harness.data.near_copies import find_near_copies
from harness.data.notes import write_notes
from harness.data.preprocessing import Preprocessing
from harness.data.scale_findings import find_scale, find_squeezed
from harness.data.splits import SPLITS, TRAIN, Array, assign
from harness.data.target_scale import TargetStatistics, count_from_origin, scale_targets
from harness.data.task import Encoded, LoadedData, Task
from harness.errors import DataError, PluginError

_LOOKED_AT = 32  # blocks of training examples, by which it is seen how far a feature is from zero


def prepare(
    dataset: Chosen, seed: int, folder: Path, preprocessing: Preprocessing | None = None
) -> Task:
    """Load a data set, check its contents and write it to `folder` (see `PreparedData`).

    preprocessing: what published weights expect, for data sets that read pictures of any size.

    Inputs that are learnt (`LoadedData.encode`) are learnt from the training examples, after the cut.

    Raises:
        DataError: NaN, values outside the range that is declared, labels out of range, a class with
            no example, too few examples.
        PluginError: It gives no inputs, or gives them in two ways.
    """
    label = dataset.label
    loaded = load_data(dataset, preprocessing)
    stored = _store(label, loaded, seed, folder / "inputs.npy")
    loaded, targets = stored.loaded, stored.targets
    low, high = stored.written.low * loaded.scale, stored.written.high * loaded.scale
    check_range(label, loaded, low, high)
    train = stored.train
    problem = problem_named(loaded.problem)
    statistics: dict[str, tuple[float, ...]] = {}
    if _is_real(loaded):
        mean, std = input_statistics(loaded.modality, stored.written.values, train, loaded.scale)
        statistics = {"mean": mean, "std": std}
    scale = scale_targets(targets, train) if problem.real_targets else TargetStatistics(targets)
    task = Task(
        modality=loaded.modality,
        problem=loaded.problem,
        input_shape=stored.inputs.shape,
        outputs=call(problem.width, targets=targets, loaded=loaded),
        low=low if loaded.low is None else loaded.low,
        high=high if loaded.high is None else loaded.high,
        scale=loaded.scale,
        **statistics,
        offset=stored.offset,
        feature_names=stored.inputs.feature_names,
        target_mean=scale.mean,
        target_std=scale.std,
        target_offset=scale.offset,
        class_names=loaded.class_names,
        counts={name: int((stored.split == code).sum()) for code, name in enumerate(SPLITS)},
        preprocessing=loaded.preprocessing,
        text=loaded.text,
        details=loaded.details,
    )
    task = count_from_origin(task, stored.written.values, scale.targets, train)
    np.save(folder / "targets.npy", scale.targets)
    np.save(folder / "split.npy", stored.split)
    np.save(
        folder / "ids.npy", example_ids(stored.known, targets, loaded.class_names, stored.split)
    )
    write_columns(folder, loaded.columns)
    if loaded.names:
        np.save(folder / "names.npy", hash_texts(loaded.names))
    write_notes(folder, loaded.notes)
    write_findings(folder, _look(stored, task))
    write_json(folder / "task.json", task.to_json())
    return task


@dataclass(frozen=True)
class _Stored:
    """Inputs on disk, and how they were cut.

    loaded: with what was learnt. targets: its own, checked. offset: () where nothing was subtracted. known: ``(examples,)``, a digest
    of what each is known by, before anything was subtracted or learnt. content: of the inputs.
    """

    loaded: LoadedData
    targets: Array
    inputs: Inputs
    written: Written
    offset: tuple[float, ...]
    known: Array
    content: Array
    split: Array

    @property
    def train(self) -> Array:
        return _train(self.split)


def _look(stored: _Stored, task: Task) -> tuple[Finding, ...]:
    """Return what the data set itself found, and what is looked for in every one."""
    loaded, targets = stored.loaded, stored.targets
    written, split = stored.written.values, stored.split
    return (
        *loaded.findings,
        *_of_targets(loaded, task, targets, split),
        *find_alike_classes(task),
        *find_copies(loaded, written, stored.content, each_target(targets), split),
        *find_near_copies(loaded, task, written, stored.content, each_target(targets), split),
        *find_torn_groups(loaded.groups, split),
        *find_merged(task, stored.inputs.values, targets),
        *find_far(loaded, task, stored.written, split),
        *find_scale(loaded, task, stored.written, split),
        *find_squeezed(task, written, split),
    )


def _of_targets(
    loaded: LoadedData, task: Task, targets: Array, split: Array
) -> tuple[Finding, ...]:
    look = task.problem_item.look
    if look is None:
        return ()
    return tuple(call(look, targets=targets, loaded=loaded, split=split, task=task))


def load_data(dataset: Chosen, preprocessing: Preprocessing | None) -> LoadedData:
    """Load a data set, and refuse what has no inputs, or has them in two ways.

    Raises:
        PluginError: It has.
    """
    loaded: LoadedData = call(
        dataset.item.load,  # type: ignore[attr-defined]
        options=dataset.model(),
        preprocessing=preprocessing,
    )
    if (loaded.inputs is None) == (loaded.encode is None):
        raise PluginError(f"{dataset.label}: its `load` gives either `inputs` or `encode`")
    if loaded.encode is not None and loaded.keys is None:
        raise PluginError(f"{dataset.label}: its `load` gives `encode` without `keys`")
    if loaded.encode is None and loaded.targets is None:
        raise PluginError(f"{dataset.label}: its `load` gives no `targets`")
    return loaded


def _store(label: str, loaded: LoadedData, seed: int, path: Path) -> _Stored:
    """Cut the examples and write their inputs; what is read from files is read once, in blocks.

    Raises:
        DataError: Targets or inputs are not as the problem wants them.
        PluginError: What is learnt has no targets, and nothing else has.
    """
    targets = None if loaded.targets is None else check_targets(label, loaded)
    inputs, written, content = None, None, None
    if loaded.inputs is not None:
        inputs = Inputs(label, loaded, loaded.inputs, loaded.feature_names)
        check_shape(label, loaded.modality, inputs.shape)
        check_type(label, loaded)
        if not _may_be_centred(loaded):
            written = inputs.write(path)
            content = digest(written.values, None)
    if loaded.keys is not None:
        known = _known_by(loaded.keys)
        hashes = key_by_seed(known, seed) if loaded.keys.ndim == 1 else digest(loaded.keys, seed)
    elif written is not None:
        assert content is not None
        known, hashes = content, digest(written.values, seed)
    else:
        assert inputs is not None
        values = inputs.in_memory()
        known, hashes = digest(values, None, exact=True), digest(values, seed, exact=True)
    split = _cut(label, loaded, hashes, targets, seed)
    if targets is not None:
        check_split(label, loaded, targets, split)
    if loaded.encode is not None:
        encoded = loaded.encode(_train(split))
        loaded = _with_learnt(loaded, encoded)
        inputs = Inputs(label, loaded, encoded.inputs, encoded.feature_names)
        check_shape(label, loaded.modality, inputs.shape)
        content = None if encoded.content is None else _known_by(encoded.content)
    if targets is None:
        if loaded.targets is None:
            raise PluginError(f"{label}: neither its `load` nor its `encode` gives `targets`")
        targets = check_targets(label, loaded)
        check_split(label, loaded, targets, split)
    assert inputs is not None
    offset: tuple[float, ...] = ()
    if written is None:
        if _is_real(loaded):  # numbers of things are stored as they are
            rows = islice(some_of(inputs.values, _train(split)), _LOOKED_AT)
            subtracted = storage_offset(*mean_and_deviation(rows, value_axes(loaded.modality)))
            offset = tuple(map(float, subtracted)) if subtracted.any() else ()
        written = inputs.write(path, offset)
    if content is None:
        content = digest(written.values, None)
    return _Stored(loaded, targets, inputs, written, offset, known, content, split)


def _with_learnt(loaded: LoadedData, encoded: Encoded) -> LoadedData:
    """Return a data set with all that was learnt but its inputs."""
    return dataclasses.replace(
        loaded,
        notes=loaded.notes + encoded.notes,
        findings=loaded.findings + encoded.findings,
        text=encoded.text or loaded.text,
        high=loaded.high if encoded.high is None else encoded.high,
        targets=loaded.targets if encoded.targets is None else encoded.targets,
        details={**loaded.details, **encoded.details},
    )


def _known_by(digests: Array) -> Array:
    """Return digests ``(examples, bytes)`` as 64 bits; those of ``(examples,)`` are such already."""
    return digests if digests.ndim == 1 else digest(digests, None)


def _may_be_centred(loaded: LoadedData) -> bool:
    """Whether features may be moved to keep digits: real numbers in memory whose range is not declared."""
    values = loaded.inputs
    return (
        _is_real(loaded)
        and not modality_named(loaded.modality).fixed_range
        and isinstance(values, np.ndarray)
        and values.dtype != np.uint8
        and loaded.scale == 1.0
        and loaded.low is None
        and loaded.high is None
    )


def _is_real(loaded: LoadedData) -> bool:
    return modality_named(loaded.modality).input_type == "float32"


def _cut(label: str, loaded: LoadedData, hashes: Array, targets: Array | None, seed: int) -> Array:
    """Return the split of each example; where targets are learnt, none of them has part in it."""
    cut_by = problem_named(loaded.problem).strata
    alike = np.zeros(len(hashes), dtype=np.int64)
    strata = alike if cut_by is None or targets is None else call(cut_by, targets=targets)
    try:
        return assign(hashes, strata, loaded.split, loaded.groups, loaded.order, seed)
    except DataError as error:
        raise DataError(f"{label}: {error}") from None


def _train(split: Array) -> Array:
    """Return the mask of the examples that statistics are learnt from: all where none are for training."""
    train = split == TRAIN
    return train if train.any() else np.ones(len(split), dtype=bool)
