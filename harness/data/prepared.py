"""A prepared data set: memory-mapped arrays and the task, read by every job that needs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from harness.data.column_labels import read_column
from harness.data.input_files import blocks, rows_a_block
from harness.data.splits import SPLITS, TRAIN, Array
from harness.data.task import Task
from harness.errors import DataError, nearest

MEMORY_SHARE = 0.5  # of what is free may be taken to hold a split on the device
_LARGE_ROW = 2**14  # bytes
SMALL_BYTES = 64 * 2**20  # a split that is no larger as float32 is converted once, not by the batch


class SplitExamples:
    """The examples of one split, held on the device where they fit, else read as they are asked for.

    A batch is in data space, of the modality's type; until it is taken, inputs keep their stored type, but for a
    small split. On a CPU only a small one is held: what is mapped is in memory once for all processes, while there is room.
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
        as_stored: bool = False,
    ) -> None:
        """Take the memory-mapped inputs, the rows of the split in it, and their targets and ids.

        holders: how many processes hold the split in the device's memory at once. as_stored: whether batches have inputs
        as they are stored, not in data space.
        """
        self.task, self.device = task, device
        self._inputs, self._rows = inputs, rows
        self._type_name = str(inputs.dtype) if as_stored else task.modality_item.input_type
        self._type: torch.dtype = getattr(torch, self._type_name)
        self._scale = 1.0 if as_stored else task.scale
        dtype = getattr(torch, task.problem_item.target_type)
        self.targets = torch.as_tensor(targets, dtype=dtype, device=device)
        self.ids = torch.as_tensor(ids, dtype=torch.int64, device=device)
        numbers = len(rows) * int(np.prod(inputs.shape[1:], dtype=np.int64))
        self.held: Tensor | None = None
        # In data space already. A large split in the memory of a CPU would be a copy of what is mapped.
        self._ready = numbers * self._type.itemsize <= SMALL_BYTES
        most = MEMORY_SHARE * free_memory(device) if self._ready or device.type != "cpu" else 0.0
        if numbers * inputs.dtype.itemsize * holders <= most:
            self.held = self._hold()
            if self._ready:
                self.held = self._to_data_space(self.held)
        else:
            self._ready = False

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
            stored = torch.from_numpy(read_rows(self._inputs, rows)).to(self.device)
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

    def _hold(self) -> Tensor:
        """Return the split on the device, brought there in blocks."""
        held = torch.from_numpy(np.empty((0, *self._inputs.shape[1:]), self._inputs.dtype))
        held = held.new_empty((len(self), *self._inputs.shape[1:]), device=self.device)
        for part in blocks(len(self), rows_a_block(held.shape[1:], held.itemsize)):
            held[part] = torch.from_numpy(np.asarray(self._inputs[self._rows[part]]))
        return held

    def _to_data_space(self, stored: Tensor) -> Tensor:
        inputs = stored
        if (
            stored.dtype != self._type and self.device.type == "cpu"
        ):  # numpy asks for huge pages, and torch does not: a sixth of the time
            inputs = torch.from_numpy(np.empty(stored.shape, self._type_name))
            inputs.copy_(stored)
        else:
            inputs = stored.to(self._type)
        return inputs if self._scale == 1.0 else inputs.mul_(self._scale)


def read_rows(mapped: Array, rows: Array) -> Array:
    """Return some rows ``(n, *shape)`` of a memory map, which is read in its own order."""
    order = np.argsort(rows)
    found = np.empty((len(rows), *mapped.shape[1:]), mapped.dtype)
    if found[:1].nbytes >= _LARGE_ROW:  # each is copied once, and not by way of a block
        for place in order.tolist():
            found[place] = mapped[rows[place]]
    else:
        found[order] = mapped[rows[order]]
    return found


@dataclass(frozen=True)
class PreparedData:
    """The folder that `prepare` wrote.

    inputs.npy ``(examples, *input_shape)``, targets.npy, split.npy, ids.npy, task.json.
    train: the mask ``(examples,)`` of the training examples where some of them are left out; None: all.
    """

    folder: Path
    task: Task
    train: Array | None = None

    @classmethod
    def open(cls, folder: Path) -> PreparedData:
        """Open what a prepare job has written."""
        values = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        return cls(folder, Task.from_json(values))

    def array(self, name: str) -> Array:
        """Return one of the arrays, memory-mapped, loaded without executing code.

        Raises:
            DataError: Its file is damaged or gone.
        """
        return self._load(name, "r")

    def column(self, column: str, split: str) -> Array:
        """Return the words of a split's examples in a column, in the order of their ids.

        Raises:
            NotApplicable: There is no such column.
            DataError: There is no such split.
        """
        return read_column(self.folder, column, self._rows(split, self._read("ids")))

    def split(
        self, name: str, device: torch.device, holders: int = 1, as_stored: bool = False
    ) -> SplitExamples:
        """Return the examples of "train", "validation" or "test"; holders, as_stored: see `SplitExamples`.

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
            as_stored,
        )

    def _read(self, name: str) -> Array:
        """Return one of the arrays, read at once, which is quicker than to map it for what is all taken."""
        return self._load(name, None)

    def _load(self, name: str, mapped: Literal["r"] | None) -> Array:
        path = self.folder / f"{name}.npy"
        try:
            array: Array = np.load(path, mmap_mode=mapped, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{path} is damaged or gone: {error}; remove the folder {self.folder} and run again, which makes it anew"
            ) from None
        return array

    def _rows(self, split: str, ids: Array) -> Array:
        if split not in SPLITS:
            raise DataError(f"no split is named {split!r}{nearest(split, SPLITS)}")
        code = SPLITS.index(split)
        given = self._read("split") == code
        rows = np.flatnonzero(given if self.train is None or code != TRAIN else self.train)
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
