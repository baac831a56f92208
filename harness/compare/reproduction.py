"""Whether a run that was run again came out the same: point by point, the same, within noise, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.catalogue.catalogue import Catalogue
from harness.compare.run_comparison import Lost, PairedFigure, RunComparison, compare_runs
from harness.measure.units import TIMED_UNITS
from harness.store.run_data import RunData


@dataclass(frozen=True)
class Point:
    """What came of the figures of one measure; each stands for all seeds of a model, under one condition.

    same: bit for bit, each seed. noise: how many others cannot be told apart by the test that `harness compare`
    makes. untold: how many differ where no test can say anything, as each was taken once. other: those that
    surely differ. timed: timings that surely differ, as they do on another machine or a busier one. missing: those
    that only one of the runs has.
    """

    measure: str
    same: int
    noise: int
    untold: int
    other: tuple[PairedFigure, ...]
    timed: tuple[PairedFigure, ...]
    missing: tuple[Lost, ...]


@dataclass(frozen=True)
class Reproduction:
    """What came of running again, by measure; A is the run as it was."""

    points: tuple[Point, ...]

    @property
    def holds(self) -> bool:
        """Whether no figure but timings surely differs, and none is missing."""
        return not any(point.other or point.missing for point in self.points)


def reproduction(a: RunData, b: RunData, catalogue: Catalogue) -> Reproduction:
    """Hold each figure of B, which was run again, against that of A.

    Raises:
        UsageError: The runs have no figure in common.
    """
    comparison = compare_runs(a, b, catalogue, also=lambda metric: True)
    measures = [one.measure for one in comparison.pairs] + [one.measure for one in comparison.lost]
    return Reproduction(tuple(_point(measure, comparison) for measure in dict.fromkeys(measures)))


def _point(measure: str, comparison: RunComparison) -> Point:
    pairs = [pair for pair in comparison.pairs if pair.measure == measure]
    others = [pair for pair in pairs if not pair.identical]
    return Point(
        measure,
        same=len(pairs) - len(others),
        noise=_count(others, "not distinguishable", "equal"),
        untold=_count(others, "not claimed"),
        other=tuple(p for p in others if p.differs and p.unit not in TIMED_UNITS),
        timed=tuple(p for p in others if p.differs and p.unit in TIMED_UNITS),
        missing=tuple(one for one in comparison.lost if one.measure == measure),
    )


def _count(pairs: Sequence[PairedFigure], *verdicts: str) -> int:
    return sum(pair.verdict in verdicts for pair in pairs)
