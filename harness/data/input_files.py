"""The inputs of a data set as a file: written block by block, and digested example by example."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from harness.catalogue.counts import counted, size_words
from harness.data.in_parallel import in_parallel
from harness.data.splits import Array, hash_example, hash_examples
from harness.data.task import InputArray, LoadedData, ReadInPlace
from harness.errors import DataError, PluginError

BLOCK_BYTES = 64 * 2**20
_SMALL_EXAMPLE, _CACHE_BYTES = 2**12, 2**20
_HASHED_UNLOCKED = 2047  # bytes, above which hashlib leaves other threads the lock of Python

_Ends = tuple[Array, Array]  # the least and the largest of each place of some examples


@dataclass(frozen=True)
class Written:
    """Inputs on disk, memory-mapped; least, most: of all examples, what is stored in each place of one, ``(*shape)``."""

    values: Array
    least: Array
    most: Array

    def extremes(self, axes: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the least and the largest value over `axes` of the values, 0 among them."""
        others = tuple(axis - 1 for axis in axes if axis > 0)
        return np.asarray(self.least.min(axis=others)), np.asarray(self.most.max(axis=others))

    @property
    def low(self) -> float:
        """The least value of all."""
        return float(self.least.min())

    @property
    def high(self) -> float:
        """The largest value of all."""
        return float(self.most.max())


@dataclass(frozen=True)
class Inputs:
    """What a data set gives, with the words for its messages.

    label: of the data set. loaded: names its examples. values: ``(examples, *shape)``.
    feature_names: of a table; () where they have none.
    """

    label: str
    loaded: LoadedData
    values: InputArray
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what holds no numbers.

        Raises:
            DataError: It does not.
        """
        dtype = np.dtype(self.values.dtype)
        if dtype.kind not in "uifb":
            raise DataError(f"{self.label}: inputs are {dtype}; numbers are needed")
        if 0 in self.shape:
            raise DataError(
                f"{self.label}: an example has the shape {self.shape}, which holds no number"
            )
        if self.feature_names and len(self.feature_names) != self.shape[-1]:
            raise PluginError(
                f"{self.label}: {counted(self.shape[-1], 'feature')}, but {counted(len(self.feature_names), 'name')}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one example."""
        return tuple(int(size) for size in self.values.shape[1:])

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Bytes stay bytes; all else is stored as float32."""
        dtype = np.dtype(self.values.dtype)
        is_bytes = dtype.kind == "u" and dtype.itemsize == 1
        return dtype if is_bytes else np.dtype(np.float32)

    def in_memory(self) -> Array:
        """Return all values, checked.

        Raises:
            DataError: One is NaN or infinite, or is beyond float32.
        """
        values = np.asarray(self.values[slice(None)])
        with np.errstate(over="ignore"):
            self._check(values.astype(self.stored_dtype), values, 0)
        return values

    def write(self, path: Path, offset: tuple[float, ...] = ()) -> Written:
        """Write all examples, less the offset of each feature.

        Raises:
            DataError: A value is NaN or infinite, or is beyond float32; or there is no room for them, which is seen before
                any is read.
        """
        self._require_room(path.parent)
        values = self.values
        if isinstance(values, ReadInPlace) and self.stored_dtype == values.dtype and not offset:
            ends = self._read_in_place(values, path)
        else:
            ends = self._write_blocks(path, offset)
        least, most = reduce(_widest, ends)
        return Written(np.load(path, mmap_mode="r"), least, most)

    def _read_in_place(self, values: ReadInPlace, path: Path) -> Iterator[_Ends]:
        written = np.lib.format.open_memmap(
            path, mode="w+", dtype=values.dtype, shape=(len(self), *self.shape)
        )
        for part in self._blocks():
            values.read_into(part, written[part])
            yield self._store((), (part.start, written[part]))[1]
        written.flush()

    def _write_blocks(self, path: Path, offset: tuple[float, ...]) -> Iterator[_Ends]:
        given = ((part.start, np.asarray(self.values[part])) for part in self._blocks())
        # Blocks of large examples are large, and read on several cores.
        workers = None if _is_small(self.shape, self.stored_dtype.itemsize) else 0
        form = {
            "descr": np.lib.format.dtype_to_descr(self.stored_dtype),
            "fortran_order": False,
            "shape": (len(self), *self.shape),
        }
        with path.open("wb") as file:  # spares the page faults of a mapped one
            np.lib.format.write_array_header_1_0(file, form)
            for stored, ends in in_parallel(partial(self._store, offset), given, workers):
                file.write(stored.data)
                yield ends

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def _blocks(self) -> Iterator[slice]:
        return blocks(len(self), rows_a_block(self.shape, self.stored_dtype.itemsize))

    def _store(self, offset: tuple[float, ...], given: tuple[int, Array]) -> tuple[Array, _Ends]:
        """Return examples as they are stored, and their ends; given: their start, and they."""
        start, block = given
        if offset:
            block = block.astype(np.float64) - np.array(offset)
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused
            stored = np.ascontiguousarray(block, dtype=self.stored_dtype)
        least, most = stored.min(axis=0), stored.max(axis=0)
        if not (np.isfinite(least).all() and np.isfinite(most).all()):
            self._check(stored, block, start)
        return stored, (least, most)

    def _require_room(self, folder: Path) -> None:
        size = int(self.values.shape[0]) * int(math.prod(self.shape)) * self.stored_dtype.itemsize
        free = shutil.disk_usage(folder).free
        if size > free:
            raise DataError(
                f"{self.label}: {counted(self.values.shape[0], 'example')} of the shape {self.shape} take "
                f"{size_words(size)} of the disk, and {size_words(free)} is free where the store is; use --store DIR on "
                "another disk, fewer examples or smaller ones"
            )

    def _check(self, stored: Array, block: Array, start: int) -> None:
        if stored.dtype.kind in "ub":
            return
        finite = np.isfinite(stored)
        if finite.all():
            return
        place = tuple(int(index) for index in np.argwhere(~finite)[0])
        example = self.loaded.name_example(start + place[0])
        feature = f" in {self.feature_names[place[-1]]!r}" if self.feature_names else ""
        value = block[place]
        if np.isfinite(value):
            raise DataError(
                f"{self.label}: {example} has {value:.4g}{feature}, beyond the range of float32 "
                f"({np.finfo(np.float32).max:.2g}), in which inputs are kept; give it on a smaller scale"
            )
        raise DataError(
            f"{self.label}: {example} has NaN or an infinite value{feature}; remove or fill such "
            "values first"
        )


def _widest(one: _Ends, other: _Ends) -> _Ends:
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


def digest(values: Array, seed: int | None, *, exact: bool = False) -> Array:
    """Return 64 bits of a hash of each example's values ``(examples, *shape)``, keyed by the seed if there is one.

    exact: in float64, where what is stored could have lost digits; else as they are.
    """
    hashes = np.empty(len(values), dtype=np.uint64)
    for part in blocks(len(values), rows_a_block(values.shape[1:], 8)):
        block = values[part].astype(np.float64) + 0.0 if exact else values[part]  # -0 is 0
        if block[:1].nbytes > _HASHED_UNLOCKED:
            hashes[part] = list(in_parallel(lambda one: hash_example(one, seed), block))
        else:
            hashes[part] = hash_examples(block, seed)
    return hashes


def rows_a_block(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many examples of a shape are read at once: of small ones as many as the cache of a core holds."""
    size = max(1, int(np.prod(shape, dtype=np.int64)) * itemsize)
    most = min(_CACHE_BYTES, BLOCK_BYTES) if _is_small(shape, itemsize) else BLOCK_BYTES
    return max(1, most // size)


def _is_small(shape: tuple[int, ...], itemsize: int) -> bool:
    return int(np.prod(shape, dtype=np.int64)) * itemsize <= _SMALL_EXAMPLE


def blocks(count: int, rows: int) -> Iterator[slice]:
    """Yield the slices of so many rows that make up `count`."""
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))
