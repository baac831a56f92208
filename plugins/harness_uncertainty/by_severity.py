"""Calibration at each severity: means over all shifts there, with the clean test split as severity 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import Metric
from harness.api.measuring import wilson

BINS = "bin_accuracy"  # whose bins are pooled; of all other figures the mean is taken
Key = tuple[str, int, str, float | None]  # metric, severity, scaling, middle of the bin


class SeverityMeans:
    """Collects the figures of calibration of all conditions.

    A mean weighs all shifts alike, and its interval is the mean of theirs, as wide as if all erred together. A bin has the
    interval of as many examples as a single shift has in it on average, as each example comes under every shift.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._found: dict[Key, list[Metric]] = {}
        self._shifts: dict[int, set[str]] = {}

    def take(self, metric: Metric) -> None:
        """Take a figure of calibration under a condition."""
        where = metric.where
        severity = int(where.get("severity", 0))
        name = metric.name.removeprefix("shifted_")
        key = (name, severity, str(where["scaling"]), where.get("confidence"))
        self._found.setdefault(key, []).append(metric)
        self._shifts.setdefault(severity, set()).add(str(where.get("shift", "")))

    def metrics(self) -> Iterator[Metric]:
        """Yield `severity_<name>` for each figure, severity and scaling; nothing without a shift."""
        if self._shifts.keys() <= {0}:
            return
        for (name, severity, scaling, middle), found in self._found.items():
            where = {"severity": severity, "scaling": scaling}
            if name == BINS and severity == 0:
                continue  # the curve of the clean split is told by itself
            if name == BINS:
                shifts = len(self._shifts[severity])
                yield _pooled(found, shifts, {**where, "confidence": middle})
            else:
                yield _mean(name, found, where)


def _mean(name: str, found: Sequence[Metric], where: dict[str, object]) -> Metric:
    lows, highs = [one.low for one in found], [one.high for one in found]
    ends = [
        sum(end for end in side if end is not None) / len(found) if None not in side else None
        for side in (lows, highs)
    ]
    return Metric(
        name=f"severity_{name}",
        value=sum(one.value for one in found) / len(found),
        unit=found[0].unit,
        low=ends[0],
        high=ends[1],
        n=found[0].n,
        where=where,
    )


def _pooled(found: Sequence[Metric], shifts: int, where: dict[str, object]) -> Metric:
    counts = [one.n or 0 for one in found]
    share = sum(one.value * n for one, n in zip(found, counts, strict=True)) / sum(counts)
    low, high = wilson(share, max(1, round(sum(counts) / shifts)))
    return Metric(
        name=f"severity_{BINS}",
        value=share,
        unit="fraction",
        low=low,
        high=high,
        n=sum(counts),
        where=where,
    )
