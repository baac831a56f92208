"""Mean and deviation of columns, in float64 and without cancellation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_EXACT, _AT_ONCE = 256, 2**18  # values
FAR = 64.0  # deviations from zero; nearer columns keep 4e-6 of a deviation in float32


def mean_and_deviation(blocks: Iterable[Array], axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and standard deviation over `axes` of all blocks, in float64.

    All values are taken less the first one of their column; each block in two passes, joined to those before by
    equation 2.1 of Chan, Golub & LeVeque (1979). So neither a large mean nor another column costs digits, and a
    column that never varies has its value for the mean and a deviation of exactly 0.

    blocks: ``(examples, *shape)``, at least one, none empty; axes: those that a column's values lie along, 0
        among them.
    """
    blocks = iter(blocks)
    ahead = next(blocks)
    if ahead.dtype == np.uint8 and len(axes) > 1:
        return _of_bytes(chain([ahead], blocks), axes)
    count = 0
    first: Array = np.zeros(())
    mean: Array = np.zeros(())  # less `first`
    squares: Array = np.zeros(())
    for raw in _pieces(chain([ahead], blocks)):
        block = np.asarray(raw, dtype=np.float64)
        if not count:
            places = (slice(0, 1) if axis in axes else slice(None) for axis in range(block.ndim))
            first = block[tuple(places)]
        local = block - first
        block_mean = local.mean(axis=axes, keepdims=True)
        block_squares = np.square(local - block_mean).sum(axis=axes, keepdims=True)
        size = block.size // max(1, block_squares.size)
        difference, total = block_mean - mean, count + size
        mean = mean + difference * (size / total)
        squares = squares + block_squares + np.square(difference) * (count * size / total)
        count = total
    columns = tuple(size for axis, size in enumerate(first.shape) if axis not in axes)
    return (first + mean).reshape(columns), np.sqrt(squares / count).reshape(columns)


def _pieces(blocks: Iterable[Array]) -> Iterator[Array]:
    """Yield blocks in pieces that the cache holds, which takes a third of the time."""
    for block in blocks:
        size = max(1, _AT_ONCE * len(block) // max(1, block.size))
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _of_bytes(blocks: Iterable[Array], axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and deviation of uint8, of sums that are exact, in a twentieth of the time.

    Float32 holds the sum of `_EXACT` squares of bytes, as it is below 2**24.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())  # float64 holds whole numbers to 2**53
    columns: tuple[int, ...] = ()
    for block in blocks:
        kept = [axis for axis in range(block.ndim) if axis not in axes]
        columns = tuple(block.shape[axis] for axis in kept)
        inner = [axis for axis in range(1, block.ndim) if axis in axes]
        ordered = block.transpose(0, *kept, *inner).reshape(len(block), math.prod(columns), -1)
        count += len(block) * ordered.shape[-1]
        size = max(1, _AT_ONCE // ordered[0].size)
        for some in (ordered[start : start + size] for start in range(0, len(block), size)):
            values = some.astype(np.float32)
            whole = values.shape[-1] // _EXACT * _EXACT
            for part in (
                values[..., :whole].reshape(*values.shape[:2], -1, min(_EXACT, whole or 1)),
                values[..., whole:, None].swapaxes(2, 3),
            ):
                total = total + part.sum(axis=-1).sum(axis=(0, 2), dtype=np.float64)
                squared = np.einsum("ncki,ncki->nck", part, part)
                squares = squares + squared.sum(axis=(0, 2), dtype=np.float64)
    mean = total / count
    # Of whole numbers Python's are exact: no digit is lost where the deviation is small beside the mean.
    variance = [
        (count * int(two) - int(one) ** 2) / count**2
        for one, two in zip(total, squares, strict=True)
    ]
    return mean.reshape(columns), np.sqrt(variance).reshape(columns)


def storage_offset(mean: Array, deviation: Array) -> Array:
    """Return what is subtracted from each column before it is stored as float32: its mean where that is far
    from zero in deviations, else 0.
    """
    far = (np.abs(mean) > FAR * deviation) & (deviation > 0)
    return np.where(far, mean, 0.0)


def merged_share(values: Array, offset: float = 0.0) -> float:
    """Return which share of the distinct values ``(n,)`` of a column float32 cannot tell apart.

    Raises nothing: what is not finite is left out.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    distinct = np.unique(finite)
    if not len(distinct):
        return 0.0
    kept = np.unique((distinct - offset).astype(np.float32))
    return 1.0 - len(kept) / len(distinct)
