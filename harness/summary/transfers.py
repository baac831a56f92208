"""How adversarial examples transfer, from a run's metrics to the cells of its matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.plan.axes import ROW_AXES
from harness.store.run_data import JobRow
from harness.summary.metric_rows import MetricRow, RowKey
from harness.summary.report_data import Figure, TransferPoint

ACCURACY, RATE, CLEAN = "transfer_accuracy", "transfer_rate", "clean_accuracy"
_HOLDS = {"source", "target", "attack", "norm", "epsilon", "epsilon_text"}

Model = tuple[str, str]  # architecture and recipe, "" where the suite has one
Ball = tuple[str, str, float, str]  # attack, norm, epsilon and its text
MakeFigure = Callable[[Sequence[MetricRow]], Figure]


def read_transfers(
    found: Iterable[MetricRow],
    jobs: Mapping[str, JobRow],
    series: Mapping[RowKey, str],
    figure: MakeFigure,
) -> Iterator[TransferPoint]:
    """Yield every pair of models that was measured, one matrix after the other.

    Before the pairs of a matrix come its targets on the examples as they are.

    series: the models' names, in their order. figure: from the metrics of a cell, one a seed, to what is
    shown.
    """
    matrices: dict[tuple[Any, ...], list[MetricRow]] = {}
    for one in found:
        if one.name in (ACCURACY, RATE, CLEAN) and one.at[0] is None and "target" in one.where:
            matrices.setdefault((one.measure, *one.at[1:]), []).append(one)
    for mine in matrices.values():
        yield from _Matrices(mine, jobs, series, figure).points()


class _Matrices:
    """What one measure found on one data set, precision and device."""

    def __init__(
        self,
        found: Sequence[MetricRow],
        jobs: Mapping[str, JobRow],
        series: Mapping[RowKey, str],
        figure: MakeFigure,
    ) -> None:
        self.figure, self.first = figure, found[0]
        self.at = dict(zip(ROW_AXES, self.first.at, strict=True))
        fits = jobs[self.first.fingerprint].spec.get("fits", ())
        self.fits = {(fit["label"], fit["recipe"]) for fit in fits}
        self.names = dict(self.find_names(series))
        self.cells: dict[tuple[Any, ...], list[MetricRow]] = {}
        self.balls: dict[Ball, None] = {}
        for one in found:
            if one.name == CLEAN:
                self.cells.setdefault((CLEAN, _model(one, "target")), []).append(one)
            elif one.where.keys() >= _HOLDS:
                ball = _ball(one)
                self.balls[ball] = None
                pair = (_model(one, "source"), _model(one, "target"))
                self.cells.setdefault((one.name, ball, *pair), []).append(one)

    def find_names(self, series: Mapping[RowKey, str]) -> Iterator[tuple[Model, str]]:
        """Yield each model with its name among the rows, in their order."""
        here = {axis: self.at[axis] for axis in ("dataset", "precision", "device")}
        for place, name in series.items():
            if all(getattr(place, axis) == value for axis, value in here.items()):
                for recipe in (place.recipe, ""):
                    if (place.architecture, recipe) in self.fits:
                        yield (place.architecture, recipe), name
                        break

    def points(self) -> Iterator[TransferPoint]:
        """Yield the cells, matrix by matrix and row by row."""
        for ball in self.balls:
            for target in self.names:
                some = self.cells.get((CLEAN, target))
                if some:
                    yield self.point(ball, None, target, some)
            for source in self.names:
                for target in self.names:
                    some = self.cells.get((ACCURACY, ball, source, target))
                    if some:
                        yield self.point(ball, source, target, some)

    def point(
        self, ball: Ball, source: Model | None, target: Model, some: Sequence[MetricRow]
    ) -> TransferPoint:
        rates = self.cells.get((RATE, ball, source, target))
        attack, norm, epsilon, text = ball
        return TransferPoint(
            measure=str(self.first.measure),
            dataset=str(self.at["dataset"]),
            precision=str(self.at["precision"]),
            device=str(self.at["device"]),
            source="" if source is None else self.names[source],
            target=self.names[target],
            attack=attack,
            norm=norm,
            epsilon=epsilon,
            epsilon_text=text,
            accuracy=self.figure(some),
            rate=None if rates is None else self.figure(rates),
        )


def _model(one: MetricRow, role: str) -> Model:
    return str(one.where[role]), str(one.where.get(f"{role}_recipe", ""))


def _ball(one: MetricRow) -> Ball:
    where = one.where
    return (
        str(where["attack"]),
        str(where["norm"]),
        float(where["epsilon"]),
        str(where["epsilon_text"]),
    )
