"""What an attack changed in a sequence or in a row of a table, in numbers that a chart is drawn from."""

from __future__ import annotations

from typing import Any

from torch import Tensor

MOST_CURVES = 3  # features of a sequence that are kept
MOST_CHANGES = 8  # features of a table
MOST_STEPS = 240  # values of a curve; a longer one keeps the extremes of so many parts by two


def list_curves(clean: Tensor, perturbed: Tensor, shift: Tensor) -> list[dict[str, Any]]:
    """Return the features of a sequence that changed most at any time, as curves over time.

    clean, perturbed: ``(time, features)`` in the data's units. shift: their difference, as shares of each
    feature's range. A curve's values lie at equal distances over the `steps` of the sequence.
    """
    largest = shift.abs().amax(0)
    return [
        {
            "feature": feature,
            "steps": len(clean),
            "clean": _thin(clean[:, feature]),
            "adversarial": _thin(perturbed[:, feature]),
        }
        for feature in _most_changed(largest, MOST_CURVES)
    ]


def list_changes(clean: Tensor, perturbed: Tensor, shift: Tensor) -> list[dict[str, Any]]:
    """Return the features of a row ``(features,)`` that changed most; shift: in shares of their ranges."""
    return [
        {
            "feature": feature,
            "clean": _round(clean[feature]),
            "adversarial": _round(perturbed[feature]),
            "share": _round(shift[feature]),
        }
        for feature in _most_changed(shift.abs(), MOST_CHANGES)
    ]


def _most_changed(sizes: Tensor, most: int) -> list[int]:
    order = sizes.argsort(descending=True, stable=True)[:most]
    return [int(feature) for feature in order if sizes[feature] > 0]


def _thin(values: Tensor) -> list[float]:
    if len(values) > MOST_STEPS:
        parts = values.tensor_split(MOST_STEPS // 2)
        return [_round(end) for part in parts for end in (part.min(), part.max())]
    return [_round(value) for value in values]


def _round(value: Tensor) -> float:
    return float(f"{float(value):.5g}")
