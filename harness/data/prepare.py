"""Making a data set ready once: checked, split, hashed, written as arrays that jobs map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.catalogue.kinds import Chosen
from harness.catalogue.references import call
from harness.data.draws import Draws, derive
from harness.data.prepared import PreparedData, write_json
from harness.data.splits import SPLITS, TEST, Array, assign, hash_example
from harness.data.task import LoadedData, Task
from harness.errors import DataError

_BLOCK_BYTES = 64 * 2**20
_REGRESSION_GROUPS = 5  # quantiles of the target, so that a cut of a regression is stratified too


def prepare(dataset: Chosen, seed: int, folder: Path) -> Task:
    """Load a data set, check its contents and write it to `folder` (see `PreparedData`).

    Raises:
        DataError: NaN, values outside the range that is declared, labels out of range, a class with
            no example, too few examples.
    """
    loaded: LoadedData = call(dataset.item.load, options=dataset.model())  # type: ignore[attr-defined]
    label = dataset.label
    targets = _check_targets(label, loaded)
    stored, hashes, low, high = _write_inputs(label, loaded, seed, folder)
    try:
        split = assign(hashes, _groups(loaded.problem, targets), loaded.split)
    except DataError as error:
        raise DataError(f"{label}: {error}") from None
    _check_classes(label, loaded, targets, split)
    _check_range(label, loaded, low * loaded.scale, high * loaded.scale)
    train = np.flatnonzero(split == 0) if (split == 0).any() else np.arange(len(split))
    mean, std = _statistics(stored, train, loaded)
    regression = loaded.problem == "regression"
    learned = targets[train].astype(np.float64)
    task = Task(
        modality=loaded.modality,
        problem=loaded.problem,
        input_shape=tuple(int(size) for size in stored.shape[1:]),
        outputs=1 if regression else len(loaded.class_names) or int(targets.max()) + 1,
        low=low * loaded.scale if loaded.low is None else loaded.low,
        high=high * loaded.scale if loaded.high is None else loaded.high,
        scale=loaded.scale,
        mean=mean,
        std=std,
        target_mean=float(learned.mean()) if regression else 0.0,
        target_std=float(learned.std()) or 1.0 if regression else 1.0,
        class_names=loaded.class_names,
        counts={name: int((split == code).sum()) for code, name in enumerate(SPLITS)},
    )
    np.save(folder / "targets.npy", targets)
    np.save(folder / "split.npy", split)
    np.save(folder / "ids.npy", np.arange(len(targets), dtype=np.int64))
    write_json(folder / "task.json", task.to_json())
    return task


def corrupt(clean: Path, shift: Chosen, severity: int, seed: int, folder: Path) -> Task:
    """Write the test examples of a prepared data set under a shift.

    Images stored in 8 bits are rounded to 8 bits, as the published corrupted sets are; all else is
    kept in float32.
    """
    data = PreparedData.open(clean)
    examples = data.split("test", torch.device("cpu"))
    task = data.task
    eight_bit = data.array("inputs").dtype == np.uint8 and task.scale == 1.0 / 255.0
    dtype = np.dtype(np.uint8 if eight_bit else np.float32)
    shape = (len(examples), *task.input_shape)
    written = np.lib.format.open_memmap(folder / "inputs.npy", mode="w+", dtype=dtype, shape=shape)
    start = 0
    for inputs, _, ids in examples.batches(_rows_a_block(task.input_shape, 4)):
        draws = Draws(derive(seed, "shift", shift.label), ids)
        changed = call(
            shift.item.apply,  # type: ignore[attr-defined]
            inputs=inputs,
            severity=severity,
            draws=draws,
            task=task,
            options=shift.model(),
        ).clamp(task.low, task.high)
        if not bool(torch.isfinite(changed).all()):
            raise DataError(f"shift {shift.label!r} at severity {severity} made NaN or infinity")
        block = (changed / task.scale).round() if eight_bit else changed
        written[start : start + len(inputs)] = block.numpy().astype(dtype)
        start += len(inputs)
    written.flush()
    values = task.to_json()
    values["scale"] = task.scale if eight_bit else 1.0
    values["counts"] = {"train": 0, "validation": 0, "test": len(examples)}
    np.save(folder / "targets.npy", examples.targets.numpy())
    np.save(folder / "split.npy", np.full(len(examples), TEST, dtype=np.uint8))
    np.save(folder / "ids.npy", examples.ids.numpy())
    write_json(folder / "task.json", values)
    return Task.from_json(values)


def _rows_a_block(shape: tuple[int, ...], itemsize: int) -> int:
    return max(1, _BLOCK_BYTES // max(1, int(np.prod(shape, dtype=np.int64)) * itemsize))


def _blocks(count: int, rows: int) -> Iterator[slice]:
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def _check_targets(label: str, loaded: LoadedData) -> Array:
    targets = np.asarray(loaded.targets)
    count = loaded.inputs.shape[0]
    if targets.shape != (count,):
        raise DataError(f"{label}: {count} inputs, but targets of shape {targets.shape}")
    if count < 5:
        raise DataError(f"{label}: {count} examples are too few to train and to test on")
    if loaded.problem == "regression":
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused below
            targets = targets.astype(np.float32)
        if not np.isfinite(targets).all():
            first = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise DataError(f"{label}: the target of example {first} is NaN or infinite")
        return targets
    if targets.dtype.kind not in "uif" or not np.isfinite(targets).all():
        raise DataError(f"{label}: class labels are whole numbers from 0; got {_odd_one(targets)}")
    if (targets != np.floor(targets)).any():
        raise DataError(
            f"{label}: class labels are whole numbers from 0; got {targets.dtype} values that are "
            "not whole"
        )
    classes = len(loaded.class_names) or max(int(targets.max()) + 1, 1)
    wrong = np.flatnonzero((targets < 0) | (targets >= classes))
    if len(wrong):
        raise DataError(
            f"{label}: {len(wrong)} labels are out of range; the first is {targets[wrong[0]]} at "
            f"example {wrong[0]}; allowed: 0 to {classes - 1}"
        )
    return targets.astype(np.int64)


def _odd_one(targets: Array) -> str:
    """Say what stands in the place of labels."""
    if targets.dtype.kind not in "uif":
        return f"{targets.dtype} values"
    first = int(np.flatnonzero(~np.isfinite(targets))[0])
    return f"{targets[first]} at example {first}"


def _check_range(label: str, loaded: LoadedData, low: float, high: float) -> None:
    """Refuse data outside the range that it declares: attacks and shifts would cut it off."""
    for word, found, declared, sign in (
        ("low", low, loaded.low, 1),
        ("high", high, loaded.high, -1),
    ):
        if declared is not None and sign * (declared - found) > 1e-6 * max(1.0, abs(declared)):
            raise DataError(
                f"{label}: a value is {found:g}, but the range of the data is declared to "
                f"{'begin' if word == 'low' else 'end'} at {declared:g}"
            )


def _check_classes(label: str, loaded: LoadedData, targets: Array, split: Array) -> None:
    if loaded.problem != "classification":
        return
    classes = len(loaded.class_names) or int(targets.max()) + 1
    if classes < 2:
        raise DataError(f"{label}: there is only one class; a classifier needs two")
    wanted = {"the data": targets}
    if (split == 0).any():
        wanted["the training examples"] = targets[split == 0]
    for where, labels in wanted.items():
        present = np.unique(labels)
        count = classes - len(present)
        if count:  # a label may be huge by mistake: no list of all classes
            seen = set(present.tolist())
            first = islice((c for c in range(classes) if c not in seen), 10)
            names = [repr(loaded.class_names[c]) if loaded.class_names else str(c) for c in first]
            raise DataError(
                f"{label}: {count} of {classes} classes have no example in {where}: "
                + ", ".join(names)
                + (", ..." if count > len(names) else "")
            )


def _write_inputs(
    label: str, loaded: LoadedData, seed: int, folder: Path
) -> tuple[Array, Array, float, float]:
    """Write inputs.npy block by block; return it with each example's hash and the extremes."""
    source = loaded.inputs
    dtype = np.dtype(source.dtype)
    if dtype.kind not in "uifb":
        raise DataError(f"{label}: inputs are {dtype}; numbers are needed")
    if dtype.kind != "u" or dtype.itemsize > 1:
        dtype = np.dtype(np.float32)
    count, shape = source.shape[0], tuple(source.shape[1:])
    if 0 in shape:
        raise DataError(f"{label}: an example has the shape {shape}, which holds no number")
    written = np.lib.format.open_memmap(
        folder / "inputs.npy", mode="w+", dtype=dtype, shape=(count, *shape)
    )
    hashes = np.empty(count, dtype=np.uint64)
    low, high = np.inf, -np.inf
    for part in _blocks(count, _rows_a_block(shape, dtype.itemsize)):
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused below
            block = np.asarray(source[part]).astype(dtype)
        if not np.isfinite(block).all():
            bad = np.flatnonzero(~np.isfinite(block.reshape(len(block), -1)).all(axis=1))
            raise DataError(
                f"{label}: example {part.start + int(bad[0])} has NaN or an infinite value; "
                "remove or fill such values first"
            )
        written[part] = block
        hashes[part] = [hash_example(example, seed) for example in block]
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    written.flush()
    return written, hashes, low, high


def _groups(problem: str, targets: Array) -> Array:
    if problem == "classification":
        return targets
    edges = np.quantile(targets, np.linspace(0, 1, _REGRESSION_GROUPS + 1)[1:-1])
    return np.searchsorted(edges, targets)


def _statistics(
    stored: Array, train: Array, loaded: LoadedData
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of the training inputs, per channel or feature, in float64."""
    axes: tuple[int, ...] = {"image": (0, 2, 3), "sequence": (0, 1)}.get(loaded.modality, (0,))
    total: Any = 0.0
    squares: Any = 0.0
    values = 0
    shift = stored[train[0]].astype(np.float64).mean()  # keeps the squares small
    for part in _blocks(len(train), _rows_a_block(stored.shape[1:], 8)):
        block = stored[train[part]].astype(np.float64) - shift
        sums = block.sum(axis=axes)
        total = total + sums
        squares = squares + (block**2).sum(axis=axes)
        values += block.size // sums.size
    mean = total / values
    std = np.sqrt(np.maximum(squares / values - mean**2, 0.0))
    scale = loaded.scale
    return (
        tuple(float(m) for m in (mean + shift) * scale),
        tuple(float(s) for s in std * scale),
    )
