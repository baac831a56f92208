"""A condition that a model was run under, the clean test split or one of its corrupted copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.api import Metric
from harness_uncertainty.estimate import EstimateWithError
from harness_uncertainty.outputs import Outputs
from harness_uncertainty.predictions import Predictions


@dataclass(frozen=True)
class Condition:
    """What a model said there. shift: "" for the clean test split, with severity 0."""

    outputs: Outputs
    shift: str = ""
    severity: int = 0

    @cached_property
    def predictions(self) -> Predictions:
        """What the logits say, as they are."""
        return Predictions.of(self.outputs.logits, self.outputs.labels)

    @property
    def where(self) -> dict[str, Any]:
        """What its metrics hold for."""
        return {"shift": self.shift, "severity": self.severity} if self.shift else {}

    @property
    def suffix(self) -> str:
        """What names of arrays end in."""
        return f"_{self.shift}_{self.severity}" if self.shift else ""

    def name(self, metric: str) -> str:
        """Return the name of a metric here: under a shift it is another one, which is on other axes."""
        return f"shifted_{metric}" if self.shift else metric

    def words(self) -> str:
        """Say where it is, after a figure."""
        return f"under {self.shift} {self.severity}" if self.shift else "on the test split"

    def metric(
        self,
        name: str,
        estimate: EstimateWithError,
        where: Mapping[str, Any],
        bounds: tuple[float, float],
        unit: str = "",
    ) -> Metric:
        """Return a figure of all its examples."""
        low, high = estimate.interval(*bounds)
        return Metric(
            name=self.name(name),
            value=estimate.value,
            unit=unit,
            low=low,
            high=high,
            n=len(self.outputs),
            where={**self.where, **where},
        )
