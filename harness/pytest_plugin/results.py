"""What became of the jobs of a run, as their tests need it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.store import Store
from harness.summary.timing_samples import batch_size_of, figures_of_batch, read_samples


@dataclass(frozen=True)
class Result:
    """How a job ended.

    status: "" where it has not run. seconds: in the job's process. metrics: (name, value, where).
    """

    status: str
    reason: str
    traceback: str
    seconds: float
    folder: Path | None
    metrics: tuple[tuple[str, float, Mapping[str, Any]], ...]

    def samples(self, batch_size: int | None) -> list[float]:
        """Return the raw timings of a batch size (the smallest for None), in seconds a call.

        Single calls come first, where a measure keeps several series; [] where it keeps none.
        """
        series = read_samples(self.folder)
        named = [n for n in series if batch_size is None or batch_size_of(n) == batch_size]
        named.sort(key=lambda name: (batch_size_of(name) or 0, not name.startswith("batch_")))
        return [float(second) for second in series[named[0]]] if named else []

    def figures(self, batch_size: int | None) -> dict[str, Any]:
        """Return {metric: value} of a batch size, and the flag that makes them doubtful."""
        return figures_of_batch(self.metrics, batch_size)


NOT_RUN = Result("", "it did not run", "", 0.0, None, ())


def read_results(store: Store, run: int) -> dict[str, Result]:
    """Return {fingerprint: result} of a run's jobs."""
    metrics: dict[str, list[tuple[str, float, Mapping[str, Any]]]] = {}
    for row in store.run_metrics(run):
        metric = row["name"], row["value"], json.loads(row["holds"])
        metrics.setdefault(row["fingerprint"], []).append(metric)
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
