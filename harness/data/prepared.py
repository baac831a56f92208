"""A prepared data set: memory-mapped arrays and the task, read by every job that needs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.data.column_labels import read_column
from harness.data.splits import SPLITS, Array
from harness.data.task import Task
from harness.errors import DataError, nearest

MEMORY_SHARE = 0.5  # of what is free may be taken to hold a split on the device
SMALL_BYTES = 64 * 2**20  # a split that is no larger as float32 is converted once, not by the batch


class SplitExamples:
    """The examples of one split, held on the device where they fit, else read as they are asked for.

    A batch is in data space, of the modality's type; until it is taken, inputs keep their stored type, but for a
    small split.
    """

    def __init__(
        self,
        inputs: Array,
        rows: Array,
        targets: Array,
        ids: Array,
        task: Task,
        device: torch.device,
        holders: int = 1,
    ) -> None:
        """Take the memory-mapped inputs, the rows of the split in it, and their targets and ids.

        holders: how many processes hold the split in the device's memory at once.
        """
        self.task, self.device = task, device
        self._inputs, self._rows = inputs, rows
        self._type: torch.dtype = getattr(torch, task.modality_item.input_type)
        dtype = getattr(torch, task.problem_item.target_type)
        self.targets = torch.as_tensor(targets, dtype=dtype, device=device)
        self.ids = torch.as_tensor(ids, dtype=torch.int64, device=device)
        size = len(rows) * int(np.prod(inputs.shape[1:], dtype=np.int64)) * inputs.dtype.itemsize
        self.held: Tensor | None = None
        self._ready = False  # `held` is in data space already
        if size * holders <= MEMORY_SHARE * free_memory(device):
            self.held = torch.from_numpy(np.ascontiguousarray(inputs[rows])).to(device)
            if self.held.numel() * self._type.itemsize <= SMALL_BYTES:
                self.held, self._ready = self._to_data_space(self.held), True

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (inputs, targets, ids) of some examples by their position in the split."""
        if self.held is not None:
            stored = self.held[index]
            if self._ready:
                return stored, self.targets[index], self.ids[index]
        else:
            rows = self._rows[index.cpu().numpy()]
            order = np.argsort(rows)  # a memory map is read in order, then put back
            block = np.empty((len(rows), *self._inputs.shape[1:]), self._inputs.dtype)
            block[order] = self._inputs[rows[order]]
            stored = torch.from_numpy(block).to(self.device)
        return self._to_data_space(stored), self.targets[index], self.ids[index]

    def in_order(self, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids) of the positions in `order`, in batches."""
        if self._ready:  # put in order once: cheaper than to gather each batch
            yield from zip(
                *(torch.split(part, batch_size) for part in self.take(order)), strict=True
            )
            return
        for index in torch.split(order, batch_size):
            yield self.take(index)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids) in the order of the ids."""
        for start in range(0, len(self), batch_size):
            yield self.take(
                torch.arange(start, min(start + batch_size, len(self)), device=self.device)
            )

    def _to_data_space(self, stored: Tensor) -> Tensor:
        inputs = stored.to(self._type)
        return inputs if self.task.scale == 1.0 else inputs * self.task.scale


@dataclass(frozen=True)
class PreparedData:
    """The folder that `prepare` wrote.

    inputs.npy ``(examples, *input_shape)``, targets.npy, split.npy, ids.npy, task.json.
    """

    folder: Path
    task: Task

    @classmethod
    def open(cls, folder: Path) -> PreparedData:
        """Open what a prepare job has written."""
        values = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        return cls(folder, Task.from_json(values))

    def array(self, name: str) -> Array:
        """Return one of the arrays, memory-mapped, loaded without executing code."""
        array: Array = np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return array

    def column(self, column: str, split: str) -> Array:
        """Return the words of a split's examples in a column, in the order of their ids.

        Raises:
            DataError: There is no such column, or no such split.
        """
        return read_column(self.folder, column, self._rows(split, self._read("ids")))

    def split(self, name: str, device: torch.device, holders: int = 1) -> SplitExamples:
        """Return the examples of "train", "validation" or "test"; holders: see `SplitExamples`.

        Raises:
            DataError: There is no such split, or it has no example.
        """
        ids = self._read("ids")
        rows = self._rows(name, ids)
        return SplitExamples(
            self.array("inputs"),
            rows,
            self.array("targets")[rows],
            ids[rows],
            self.task,
            device,
            holders,
        )

    def _read(self, name: str) -> Array:
        """Return one of the arrays, read at once, which is quicker than to map it for what is all taken."""
        array: Array = np.load(self.folder / f"{name}.npy", allow_pickle=False)
        return array

    def _rows(self, split: str, ids: Array) -> Array:
        if split not in SPLITS:
            raise DataError(f"no split is named {split!r}{nearest(split, SPLITS)}")
        rows = np.flatnonzero(self._read("split") == SPLITS.index(split))
        if not len(rows):
            raise DataError(f"the data set has no {split} examples")
        return rows[np.argsort(ids[rows])]  # the same in every order of the data set


def free_memory(device: torch.device) -> float:
    """Return the bytes that are free on a device; of the machine for a CPU."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return 4e9  # where the system does not say
