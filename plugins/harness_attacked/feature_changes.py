"""What an attack changed in a sequence or in a row of a table, in numbers that a chart is drawn from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.api import Task

MOST_CURVES = 3  # features of a sequence that are kept
MOST_CHANGES = 8  # features of a table
MOST_STEPS = 240  # values of a curve; a longer one keeps the extremes of so many parts by two


def list_curves(
    clean: Tensor, perturbed: Tensor, shift: Tensor, task: Task
) -> list[dict[str, Any]]:
    """Return the features of a sequence that changed most at any time, as curves over time.

    clean, perturbed: ``(time, features)`` in data space; what is kept is in the data's own units. shift: their
    difference, as shares of each feature's range. A curve's values lie at equal distances over the `steps` of the
    sequence.
    """
    largest = shift.abs().amax(0)
    return [
        {
            "feature": feature,
            "name": _name(task, feature),
            "steps": len(clean),
            "clean": _thin(_in_own_unit(task, feature, clean[:, feature])),
            "adversarial": _thin(_in_own_unit(task, feature, perturbed[:, feature])),
        }
        for feature in _most_changed(largest, MOST_CURVES)
    ]


def list_changes(
    clean: Tensor, perturbed: Tensor, shift: Tensor, task: Task
) -> list[dict[str, Any]]:
    """Return the features of a row ``(features,)`` that changed most; shift: in shares of their ranges."""
    return [
        {
            "feature": feature,
            "name": _name(task, feature),
            "clean": _round(_in_own_unit(task, feature, clean[feature])),
            "adversarial": _round(_in_own_unit(task, feature, perturbed[feature])),
            "share": _round(shift[feature]),
        }
        for feature in _most_changed(shift.abs(), MOST_CHANGES)
    ]


def _name(task: Task, feature: int) -> str:
    return task.feature_names[feature] if task.feature_names else ""


def _in_own_unit(task: Task, feature: int, values: Tensor) -> Tensor:
    """Return values with what was subtracted before they were stored."""
    return values.double() + task.offset[feature] if task.offset else values


def _most_changed(sizes: Tensor, most: int) -> list[int]:
    order = sizes.argsort(descending=True, stable=True)[:most]
    return [int(feature) for feature in order if sizes[feature] > 0]


def _thin(values: Tensor) -> list[float]:
    if len(values) > MOST_STEPS:
        parts = values.tensor_split(MOST_STEPS // 2)
        return [_round(end) for part in parts for end in (part.min(), part.max())]
    return [_round(value) for value in values]


def _round(value: Tensor) -> float:
    digits = 12 if value.dtype == torch.float64 else 5  # what lies far from zero changes late
    return float(f"{float(value):.{digits}g}")
