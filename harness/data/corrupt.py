"""The test examples of a prepared data set under a shift, written once for all who measure on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding, write_findings
from harness.data.corruption import Corruption, is_eight_bit, rows_at_once
from harness.data.draws import RememberedDraws
from harness.data.json_file import write_json
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.splits import TEST
from harness.data.streamed import write_streamed
from harness.data.task import Task


def corrupt(
    clean: Path,
    shift: Chosen,
    folders: Mapping[int, Path],
    seed: int,
    streamed: frozenset[int] = frozenset(),
) -> dict[int, Task | Exception]:
    """Write the test examples of a prepared data set under a shift, into a folder for each severity.

    The data are gone through once, block by block, whatever their size. Each copy is the one that is made where it is
    the only one: draws do not depend on the severity, and are made once for all.

    streamed: severities of which a folder says only what is made of the data (`harness.data.streamed`); one block is
    tried. Returns the task of each severity; the error of one that cannot be made.
    """
    data = PreparedData.open(clean)
    eight_bit = is_eight_bit(data)
    examples = data.split("test", torch.device("cpu"), as_stored=eight_bit)
    copies: dict[int, _Copy] = {}
    made: dict[int, Task | Exception] = {}
    for severity, folder in folders.items():
        corruption = Corruption(shift, severity, seed, data.task, eight_bit)
        copies[severity] = _Copy(corruption, examples, folder, severity in streamed)
    for inputs, targets, ids in examples.batches(rows_at_once(data.task.input_shape)):
        under_way = {severity: copy for severity, copy in copies.items() if copy.goes_on}
        if not under_way:
            break
        draws = next(iter(under_way.values())).corruption.draws(ids)
        several = len(under_way) > 1
        if several:
            draws = RememberedDraws(draws.key, ids)
        for severity, copy in under_way.items():
            try:
                moved = copy.corruption.targets(targets, draws)
                stored = copy.corruption.stored(inputs.clone() if several else inputs, draws)
                copy.add(inputs, stored, moved)
            except Exception as error:
                made[severity] = error
                del copies[severity]
    return made | {severity: copy.finish() for severity, copy in copies.items()}


class _Copy:
    """A corrupted copy that is written block by block, or of which a block is tried."""

    def __init__(
        self, corruption: Corruption, examples: SplitExamples, folder: Path, streamed: bool
    ) -> None:
        self.corruption, self.examples, self.folder = corruption, examples, folder
        self.start, self.goes_on, self.streamed = 0, True, streamed
        self.changes = False  # an example
        self.targets: list[torch.Tensor] = []
        if not streamed:
            self.written = np.lib.format.open_memmap(
                folder / "inputs.npy",
                mode="w+",
                dtype=np.dtype(np.uint8 if corruption.eight_bit else np.float32),
                shape=(len(examples), *corruption.task.input_shape),
            )

    def add(self, inputs: torch.Tensor, stored: torch.Tensor, targets: torch.Tensor) -> None:
        if self.streamed:
            self.goes_on = False
            return
        self.changes = self.changes or not torch.equal(stored, inputs.to(stored.dtype))
        end = self.start + len(stored)
        self.written[self.start : end] = stored.numpy()
        self.targets.append(targets)
        self.start = end

    def finish(self) -> Task:
        task = self.corruption.task
        values = task.to_json()
        values["scale"] = task.scale if self.corruption.eight_bit else 1.0
        values["counts"] = {"train": 0, "validation": 0, "test": len(self.examples)}
        write_json(self.folder / "task.json", values)
        if self.streamed:
            write_streamed(self.folder, self.corruption)
            return Task.from_json(values)
        self.written.flush()
        if not self.changes:
            write_findings(self.folder, [_nothing_changed(self.corruption)])
        np.save(self.folder / "targets.npy", torch.cat(self.targets).numpy())
        split = np.full(len(self.examples), TEST, dtype=np.uint8)
        np.save(self.folder / "split.npy", split)
        np.save(self.folder / "ids.npy", self.examples.ids.numpy())
        return Task.from_json(values)


def _nothing_changed(corruption: Corruption) -> Finding:
    name, severity = corruption.shift.label, corruption.severity
    return Finding(
        code="shift-changes-nothing",
        sentence=f"{name} at severity {severity} changes no test example, so what is measured under it is what is measured on "
        "clean ones.",
        advice="Leave it out, or take larger severities or larger images.",
    )
