"""What became of the jobs of a run, as their tests need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.store import Store
from harness.summary.timing_samples import (
    TimedFigure,
    condition_of,
    figures_under,
    read_samples,
)


@dataclass(frozen=True)
class Result:
    """How a job ended.

    status: "" where it has not run. seconds: in the job's process.
    """

    status: str
    reason: str
    traceback: str
    seconds: float
    folder: Path | None
    metrics: tuple[TimedFigure, ...]

    def samples(self, condition: Mapping[str, Any]) -> list[float]:
        """Return the raw timings under a condition such as {"batch_size": 16}, in seconds a call.

        Of several series the first that the measure kept; [] where it keeps none.
        """
        series = self.series(condition)
        return [float(second) for second in read_samples(self.folder)[series]] if series else []

    @property
    def is_timed(self) -> bool:
        """Whether it kept any timings."""
        return bool(read_samples(self.folder))

    def series(self, condition: Mapping[str, Any]) -> str:
        """Return the name of the first series of which figures under a condition were made; "" for none."""
        named = {one.samples for one in self.metrics if condition.items() <= one.where.items()}
        return next((name for name in read_samples(self.folder) if name in named), "")

    def figures(self, condition: Mapping[str, Any]) -> dict[str, Any]:
        """Return {metric: value} under a condition, and the flag that makes them doubtful."""
        if series := self.series(condition):
            condition = condition_of(series, self.metrics)
        return figures_under(condition, self.metrics)


NOT_RUN = Result("", "it did not run", "", 0.0, None, ())


def read_results(store: Store, run: int) -> dict[str, Result]:
    """Return {fingerprint: result} of a run's jobs."""
    metrics: dict[str, list[TimedFigure]] = {}
    for row in store.run_metrics(run):
        figure = TimedFigure(**{key: row[key] for key in ("name", "value", "where", "samples")})
        metrics.setdefault(row["fingerprint"], []).append(figure)
    return {
        row["fingerprint"]: Result(
            status=row["status"] or "",
            reason=row["reason"] or NOT_RUN.reason,
            traceback=row["traceback"] or "",
            seconds=row["seconds"] or 0.0,
            folder=store.folder / row["folder"] if row["folder"] else None,
            metrics=tuple(metrics.get(row["fingerprint"], ())),
        )
        for row in store.run_outcomes(run)
    }
