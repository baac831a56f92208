"""The test examples of a prepared data set under a shift, written once for all who measure on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from harness.catalogue.kinds import Chosen
from harness.catalogue.references import call
from harness.data.draws import Draws, RememberedDraws, derive
from harness.data.json_file import write_json
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.splits import TEST
from harness.data.task import Task
from harness.errors import DataError

BLOCK_BYTES = 2**22  # of inputs that are changed at once


def rows_at_once(shape: tuple[int, ...]) -> int:
    """Return how many examples a shift is given: few enough for a core's cache."""
    return max(1, BLOCK_BYTES // max(1, 4 * math.prod(shape)))


def corrupt(
    clean: Path, shift: Chosen, folders: Mapping[int, Path], seed: int
) -> dict[int, Task | Exception]:
    """Write the test examples of a prepared data set under a shift, into a folder for each severity.

    Images stored in 8 bits are rounded to 8 bits, as the published corrupted sets are; all else is
    kept in float32. The data are gone through once, block by block, whatever their size. Each copy is the one that is
    made where it is the only one: draws do not depend on the severity, and are made once for all.

    Returns the task of each severity; the error of one that cannot be made.
    """
    data = PreparedData.open(clean)
    examples = data.split("test", torch.device("cpu"))
    copies: dict[int, _Copy] = {}
    made: dict[int, Task | Exception] = {}
    for severity, folder in folders.items():
        copies[severity] = _Copy(data, examples, folder)
    for inputs, _, ids in examples.batches(rows_at_once(data.task.input_shape)):
        if not copies:
            break
        several = len(copies) > 1
        draws = (RememberedDraws if several else Draws)(derive(seed, "shift", shift.name), ids)
        for severity, copy in list(copies.items()):
            try:
                changed = call(
                    shift.item.apply,  # type: ignore[attr-defined]
                    inputs=inputs.clone() if several else inputs,
                    severity=severity,
                    draws=draws,
                    task=data.task,
                    options=shift.model(),
                )
                if not all(map(math.isfinite, changed.aminmax())):
                    raise DataError(
                        f"shift {shift.label!r} at severity {severity} made NaN or infinity"
                    )
                if shift.item.saved is not None:  # type: ignore[attr-defined]
                    changed = call(
                        shift.item.saved,  # type: ignore[attr-defined]
                        inputs=changed,
                        task=data.task,
                        options=shift.model(),
                    )
                copy.add(changed)
            except Exception as error:
                made[severity] = error
                del copies[severity]
    return made | {severity: copy.finish() for severity, copy in copies.items()}


class _Copy:
    """A corrupted copy that is written block by block."""

    def __init__(self, data: PreparedData, examples: SplitExamples, folder: Path) -> None:
        self.examples, self.task, self.folder = examples, data.task, folder
        self.eight_bit = data.array("inputs").dtype == np.uint8 and data.task.scale == 1.0 / 255.0
        self.written = np.lib.format.open_memmap(
            folder / "inputs.npy",
            mode="w+",
            dtype=np.dtype(np.uint8 if self.eight_bit else np.float32),
            shape=(len(examples), *data.task.input_shape),
        )
        self.start = 0

    def add(self, changed: torch.Tensor) -> None:
        block = changed.clamp(self.task.low, self.task.high)
        if self.eight_bit:
            block = block.div_(self.task.scale).round_()
        end = self.start + len(changed)
        self.written[self.start : end] = block.numpy().astype(self.written.dtype)
        self.start = end

    def finish(self) -> Task:
        self.written.flush()
        values = self.task.to_json()
        values["scale"] = self.task.scale if self.eight_bit else 1.0
        values["counts"] = {"train": 0, "validation": 0, "test": len(self.examples)}
        np.save(self.folder / "targets.npy", self.examples.targets.numpy())
        split = np.full(len(self.examples), TEST, dtype=np.uint8)
        np.save(self.folder / "split.npy", split)
        np.save(self.folder / "ids.npy", self.examples.ids.numpy())
        write_json(self.folder / "task.json", values)
        return Task.from_json(values)
