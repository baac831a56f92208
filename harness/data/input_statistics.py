"""The statistics of inputs that models scale them by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.catalogue.in_use import modality_named
from harness.data.column_statistics import mean_and_deviation
from harness.data.input_files import blocks, rows_a_block
from harness.data.splits import Array
from harness.data.task import InputArray


def input_statistics(
    modality: str, values: InputArray, mask: Array, scale: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of the features of the examples of a mask, in data space, as a `Task` has them.

    values: ``(examples, *shape)``, as they are stored; scale: what brings them to data space.
    """
    found = mean_and_deviation(some_of(values, mask), value_axes(modality))
    mean, std = (tuple(float(value) * scale for value in one) for one in found)
    return mean, std


def value_axes(modality: str) -> tuple[int, ...]:
    """Return the dimensions along which the values of a feature lie."""
    item = modality_named(modality)
    count = len(item.axes)
    feature = item.feature_axis % count
    return (0, *(1 + axis for axis in range(count) if axis != feature))


def some_of(values: InputArray, mask: Array) -> Iterator[Array]:
    """Yield the examples of a mask, in blocks."""
    if not isinstance(values, np.ndarray):
        for part in blocks(len(mask), rows_a_block(values.shape[1:], 8)):
            if mask[part].any():
                yield values[part][mask[part]]
        return
    rows = np.flatnonzero(mask)
    for part in blocks(len(rows), rows_a_block(values.shape[1:], 8)):
        yield values[rows[part]]
