"""Corrupted copies that are not written, as they would take more of the disk than they may: made where they are read.

The folder of such a copy says which shift at which severity makes it of the clean examples. What is read of it is bit
for bit what would have been written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.catalogue.chosen import Chosen
from harness.data.corruption import Corruption, is_eight_bit, rows_at_once
from harness.data.json_file import write_json
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.refusal import STREAMED, check_refusal, is_streamed


def write_streamed(folder: Path, corruption: Corruption) -> None:
    """Write what a copy is made by."""
    shift = {"name": corruption.shift.name, "options": corruption.shift.options}
    said = {"shift": shift, "severity": corruption.severity, "seed": corruption.seed}
    write_json(folder / STREAMED, said)


def open_copy(
    folder: Path,
    data: PreparedData,
    find: Callable[[str, Mapping[str, Any]], Chosen],
    device: torch.device,
) -> SplitExamples | StreamedExamples:
    """Return the examples of a corrupted copy, whether it was written or is made as it is read.

    data: the clean ones. find: returns the item of a kind that a spec {"name": ..., "options": ...} means.

    Raises:
        NotApplicable: The shift does not apply to the data.
    """
    check_refusal(folder)
    if not is_streamed(folder):
        return PreparedData.open(folder).split("test", device)
    said = json.loads((folder / STREAMED).read_text(encoding="utf-8"))
    shift = find("shift", said["shift"])
    eight_bit = is_eight_bit(data)
    corruption = Corruption(shift, said["severity"], said["seed"], data.task, eight_bit)
    clean = data.split("test", torch.device("cpu"), as_stored=eight_bit)
    return StreamedExamples(clean, corruption, device)


class StreamedExamples:
    """Examples under a shift, made anew each time that they are gone through."""

    def __init__(self, clean: SplitExamples, corruption: Corruption, device: torch.device) -> None:
        """Take the clean examples, on the CPU and in 8 bits where they are kept so, and where the changed ones are wanted."""
        self._clean, self._corruption, self._device = clean, corruption, device

    def __len__(self) -> int:
        return len(self._clean)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids) in the order of the ids."""
        rows = rows_at_once(self._corruption.task.input_shape)
        for inputs, targets, ids in self._clean.batches(batch_size):
            made, moved = [], []
            for block, wanted, some in zip(
                *(torch.split(one, rows) for one in (inputs, targets, ids)), strict=True
            ):
                draws = self._corruption.draws(some)
                moved.append(self._corruption.targets(wanted, draws))
                made.append(self._corruption.stored(block, draws))
            found = self._corruption.in_data_space(torch.cat(made))
            yield tuple(one.to(self._device) for one in (found, torch.cat(moved), ids))  # type: ignore[misc]
