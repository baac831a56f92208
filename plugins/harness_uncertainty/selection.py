"""Selective prediction of a model: accuracy when it may decline the examples that it is least sure of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from harness.api import Metric
from harness.api.measuring import derive, wilson
from harness_uncertainty.condition import Condition
from harness_uncertainty.predictions import Predictions
from harness_uncertainty.selective import aurc, excess_aurc, risk_at

Array = np.ndarray[Any, Any]

CURVE = tuple(k / 20 for k in range(1, 21))  # coverages of the risk-coverage curve
RESAMPLES = 200


def selection_metrics(condition: Condition, coverages: Sequence[float]) -> Iterator[Metric]:
    """Yield AURC and E-AURC; on clean examples accuracy at the coverages, and the curve of risk, too.

    Intervals of AURC and E-AURC are of the bootstrap over examples, those at a coverage Wilson's, of the
    examples that are accepted.
    """
    found = Predictions.of(condition.outputs.logits, condition.outputs.labels)
    n = len(found)
    for name, statistic in (("aurc", aurc), ("excess_aurc", excess_aurc)):
        value = statistic(found.confidence, found.correct)
        low, high = bootstrap(statistic, found.confidence, found.correct)
        yield Metric(
            name=condition.name(name),
            value=value,
            unit="fraction",
            low=max(0.0, min(low, value)),
            high=min(1.0, max(high, value)),
            n=n,
            where=condition.where,
        )
    if condition.shift:
        return
    for coverage in coverages:
        risk, k = risk_at(found.confidence, found.correct, coverage)
        low, high = wilson(1 - risk, k)
        yield Metric(
            name="selective_accuracy",
            value=1 - risk,
            unit="fraction",
            low=low,
            high=high,
            n=k,
            where={"coverage": coverage},
        )
    for coverage in CURVE:
        risk, k = risk_at(found.confidence, found.correct, coverage)
        low, high = wilson(risk, k)
        yield Metric(
            name="selective_risk",
            value=risk,
            unit="fraction",
            low=low,
            high=high,
            n=k,
            where={"coverage": coverage},
        )


def bootstrap(statistic: Callable[..., float], *arrays: Array) -> tuple[float, float]:
    """Return the percentile interval at 95 % of `RESAMPLES` resamples of examples, always the same draws."""
    n = len(arrays[0])
    draws = np.random.default_rng(derive("selection", n))
    found = []
    for _ in range(RESAMPLES):
        index = draws.integers(0, n, size=n)
        found.append(statistic(*(array[index] for array in arrays)))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
