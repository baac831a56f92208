"""Selective prediction of a model: accuracy when it may decline the examples that it is least sure of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import Metric
from harness.api.measuring import proportion_metric
from harness_uncertainty.condition import Condition
from harness_uncertainty.estimate import EstimateWithError
from harness_uncertainty.selective import area_influences, aurc, excess_aurc, risk_at

CURVE = tuple(k / 20 for k in range(1, 21))  # coverages of the risk-coverage curve


def selection_metrics(condition: Condition, coverages: Sequence[float]) -> Iterator[Metric]:
    """Yield AURC and E-AURC; on clean examples accuracy at the coverages, and the curve of risk, too.

    Intervals at a coverage are Wilson's, of the examples that are accepted.
    """
    found = condition.predictions
    of_area, of_excess = area_influences(found.confidence, found.correct)
    for name, statistic, influences in (
        ("aurc", aurc, of_area),
        ("excess_aurc", excess_aurc, of_excess),
    ):
        value = statistic(found.confidence, found.correct)
        estimate = EstimateWithError.of_influences(value, influences)
        yield condition.metric(name, estimate, {}, (0.0, 1.0), "fraction")
    if condition.shift:
        return
    for coverage in coverages:
        risk, k = risk_at(found.confidence, found.correct, coverage)
        yield proportion_metric("selective_accuracy", 1 - risk, k, {"coverage": coverage})
    for coverage in CURVE:
        risk, k = risk_at(found.confidence, found.correct, coverage)
        yield proportion_metric("selective_risk", risk, k, {"coverage": coverage})
