"""The test examples of a prepared data set under a shift, written once for all who measure on them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from harness.catalogue.kinds import Chosen
from harness.catalogue.references import call
from harness.data.draws import Draws, derive
from harness.data.json_file import write_json
from harness.data.prepared import PreparedData
from harness.data.splits import TEST
from harness.data.task import Task
from harness.errors import DataError

BLOCK_BYTES = 2**22  # of inputs that are changed at once


def rows_at_once(shape: tuple[int, ...]) -> int:
    """Return how many examples a shift is given: few enough for a core's cache."""
    return max(1, BLOCK_BYTES // max(1, 4 * math.prod(shape)))


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
    for inputs, _, ids in examples.batches(rows_at_once(task.input_shape)):
        draws = Draws(derive(seed, "shift", shift.name), ids)
        changed = call(
            shift.item.apply,  # type: ignore[attr-defined]
            inputs=inputs,
            severity=severity,
            draws=draws,
            task=task,
            options=shift.model(),
        )
        if not all(map(math.isfinite, changed.aminmax())):
            raise DataError(f"shift {shift.label!r} at severity {severity} made NaN or infinity")
        if shift.item.saved is not None:  # type: ignore[attr-defined]
            changed = call(shift.item.saved, inputs=changed, task=task, options=shift.model())  # type: ignore[attr-defined]
        block = changed.clamp(task.low, task.high)
        if eight_bit:
            block = block.div_(task.scale).round_()
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
