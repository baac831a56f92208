"""A run's metrics as plain records, sorted by the row of the table that they belong to."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.plan.axes import CONDITION_AXES, ROW_AXES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RowKey:
    """What a row of the table stands for."""

    architecture: str
    dataset: str
    recipe: str
    precision: str
    device: str

    @classmethod
    def of(cls, axes: Mapping[str, Any]) -> RowKey:
        """Return the place of a job's axes."""
        return cls(*(str(axes.get(axis, "")) for axis in ROW_AXES))


def name_models(places: Sequence[RowKey]) -> dict[RowKey, str]:
    """Name each place by its architecture, with the axes that vary among them."""
    varying = [
        axis for axis in CONDITION_AXES if len({getattr(place, axis) for place in places}) > 1
    ]
    return {
        place: " ".join([place.architecture, *(getattr(place, axis) for axis in varying)])
        for place in places
    }


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a run.

    at: the axes of ROW_AXES; None where it holds for all of an axis. where: what it holds for, without
    the `flag`, which says in words what makes it doubtful. examples, samples: as in `Metric`.
    """

    at: tuple[str | None, ...]
    measure: str | None
    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    n: int | None
    exact: bool
    where: Mapping[str, Any]
    flag: str
    fingerprint: str
    examples: tuple[str, ...] = ()
    samples: str = ""


def read_metric_rows(metrics: pd.DataFrame) -> list[MetricRow]:
    """Return the rows of a run's tidy table (see `run_data.metrics_frame`)."""
    columns = (
        "name", "value", "unit", "low", "high", "n", "exact",
        "where", "examples", "samples", "fingerprint",
    )  # fmt: skip
    at = zip(*([_text(v) for v in metrics[axis].tolist()] for axis in ROW_AXES), strict=True)
    measures = (_text(value) for value in metrics["measure"].tolist())
    rows = zip(*(metrics[column].tolist() for column in columns), strict=True)
    found = []
    for place, measure, row in zip(at, measures, rows, strict=True):
        name, value, unit, low, high, n, exact, holds, examples, samples, fingerprint = row
        where = json.loads(holds)
        flag = where.pop("flag", None)
        found.append(
            MetricRow(
                at=place,
                measure=measure,
                name=name,
                value=value,
                unit=unit,
                low=_number(low),
                high=_number(high),
                n=n if isinstance(n, int) else None,
                exact=exact,
                where=where,
                flag="" if flag is None else str(flag),
                fingerprint=fingerprint,
                examples=tuple(json.loads(examples)),
                samples=samples,
            )
        )
    return found


def holding(place: RowKey) -> Iterator[tuple[str | None, ...]]:
    """Yield each `at` of metrics that hold for a row: an axis that a metric leaves open holds for all."""
    choices = ((getattr(place, axis), None) for axis in CONDITION_AXES)
    for rest in itertools.product(*choices):
        yield (place.architecture, place.dataset, *rest)


class RowKeys:
    """The rows of the table, and which of them a metric belongs to."""

    def __init__(self, places: Sequence[RowKey]) -> None:
        """Take the places in their order."""
        self._at: dict[tuple[str | None, ...], list[RowKey]] = {}
        for place in places:
            for at in holding(place):
                self._at.setdefault(at, []).append(place)

    def sort(self, found: Iterable[MetricRow]) -> dict[RowKey, list[MetricRow]]:
        """Return the metrics of each place that has any."""
        sorted_: dict[RowKey, list[MetricRow]] = {}
        for one in found:
            for place in self._at.get(one.at, ()):
                sorted_.setdefault(place, []).append(one)
        return sorted_


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
