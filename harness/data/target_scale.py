"""The scale of targets that are real numbers: what is subtracted from them, their mean and their deviation in training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from harness.catalogue.references import call
from harness.data.column_statistics import mean_and_deviation, storage_offset
from harness.data.input_files import blocks, rows_a_block
from harness.data.splits import Array
from harness.data.task import Task


@dataclass(frozen=True)
class TargetStatistics:
    """Targets as they are stored, less `offset`, and their statistics in training."""

    targets: Array
    mean: float = 0.0
    std: float = 1.0
    offset: float = 0.0


def scale_targets(targets: Array, train: Array) -> TargetStatistics:
    """Return targets less an offset, where float32 would lose digits otherwise; train: the mask of the training examples."""
    every = tuple(range(targets.ndim))
    offset = float(storage_offset(*mean_and_deviation([targets[train]], every)))
    stored = (targets - offset).astype(np.float32)
    return TargetStatistics(stored, *target_statistics(stored[train]), offset)


def target_statistics(targets: Array) -> tuple[float, float]:
    """Return the mean and the deviation of targets as they are stored; of targets that are all alike 1."""
    mean, std = mean_and_deviation([targets], tuple(range(targets.ndim)))
    return float(mean), float(std) or 1.0


def count_from_origin(task: Task, inputs: Array, targets: Array, train: Array) -> Task:
    """Return the task with the mean and deviation of what is left of targets beside the problem's `origin`, if it has one.

    inputs, targets: as they are stored.
    """
    origin = task.problem_item.origin
    if origin is None:
        return task

    def left() -> Iterator[Array]:
        rows = np.flatnonzero(train)
        for part in blocks(len(rows), rows_a_block(inputs.shape[1:], 8)):
            given = torch.from_numpy(np.array(inputs[rows[part]], dtype=np.float32)) * task.scale
            counted = call(origin, inputs=given, task=task).numpy()
            yield targets[rows[part]].reshape(counted.shape) - counted

    mean, std = mean_and_deviation(left(), tuple(range(1 + len(task.output_shape))))
    return dataclasses.replace(task, target_mean=float(mean), target_std=float(std) or 1.0)
