"""What an attack changed in a sequence or in a row of a table, in numbers that a chart is drawn from."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.api import Task
from harness.api.measuring import Bar, Trace, significant

MOST_TRACES = 3  # features of a sequence that are kept
MOST_BARS = 8  # features of a table
MOST_STEPS = 240  # values of a line; a longer one keeps the extremes of so many parts by two


def changed_traces(
    clean: Tensor, perturbed: Tensor, shift: Tensor, task: Task
) -> tuple[Trace, ...]:
    """Return the features of a sequence that changed most at any time, over time.

    clean, perturbed: ``(time, features)`` in data space; what is kept is in the data's own units. shift: their
    difference, as shares of each feature's range. Values lie at equal distances over the steps of the sequence.
    """
    largest = shift.abs().amax(0)
    return tuple(
        Trace(
            title=_name(task, feature),
            steps=len(clean),
            lines={
                "clean": _thin(_in_own_unit(task, feature, clean[:, feature])),
                "adversarial": _thin(_in_own_unit(task, feature, perturbed[:, feature])),
            },
        )
        for feature in _most_changed(largest, MOST_TRACES)
    )


def changed_bars(clean: Tensor, perturbed: Tensor, shift: Tensor, task: Task) -> tuple[Bar, ...]:
    """Return the features of a row ``(features,)`` that changed most; shift: in shares of their ranges."""
    return tuple(
        Bar(
            title=_name(task, feature),
            share=_round(shift[feature]),
            words=_pair(
                *(
                    _round(_in_own_unit(task, feature, values[feature]))
                    for values in (clean, perturbed)
                )
            ),
        )
        for feature in _most_changed(shift.abs(), MOST_BARS)
    )


def _name(task: Task, feature: int) -> str:
    names = task.feature_names
    return (names[feature] if names else "") or f"feature {feature}"


def _pair(before: float, after: float) -> str:
    """Return both values, with as many digits as tell them apart."""
    texts = ("", "")
    for digits in (3, 6, 9, 12):
        texts = (_short(before, digits), _short(after, digits))
        if texts[0] != texts[1]:
            break
    return " → ".join(texts)


def _short(value: float, digits: int) -> str:
    return significant(value, digits).replace("-", "−")


def _in_own_unit(task: Task, feature: int, values: Tensor) -> Tensor:
    """Return values with what was subtracted before they were stored."""
    return values.double() + task.offset[feature] if task.offset else values


def _most_changed(sizes: Tensor, most: int) -> list[int]:
    order = sizes.argsort(descending=True, stable=True)[:most]
    return [int(feature) for feature in order if sizes[feature] > 0]


def _thin(values: Tensor) -> tuple[float, ...]:
    if len(values) > MOST_STEPS:
        parts = values.tensor_split(MOST_STEPS // 2)
        return tuple(_round(end) for part in parts for end in (part.min(), part.max()))
    return tuple(_round(value) for value in values)


def _round(value: Tensor) -> float:
    digits = 12 if value.dtype == torch.float64 else 5  # what lies far from zero changes late
    return float(f"{float(value):.{digits}g}")
