"""What the verdicts of a run say of two figures that a claim compares: whether they tell the rows apart."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import Shown
from harness.compare.side import Side, measure_of
from harness.plan.axes import ROW_AXES
from harness.summary.metric_rows import MetricRow
from harness.summary.report_data import ReportData, Row, Tie
from harness.summary.shown_columns import pick, shown_metrics


class BesideVerdict:
    """Finds what the verdicts of a run say of pairs of figures."""

    def __init__(self, side: Side, catalogue: Catalogue, report: ReportData) -> None:
        """Take the figures of a run, and its report."""
        self.side, self.catalogue, self.report = side, catalogue, report

    def tie(self, left: Sequence[MetricRow], right: Sequence[MetricRow]) -> Tie | None:
        """Return the rows of two figures, where these stand in the main table and a verdict does not tell them apart.

        left, right: a row a seed.
        """
        if not all(map(self._is_in_table, (*left, *right))):
            return None
        rows = [self._row(found[0]) for found in (left, right)]
        column, places = self._column(left[0]), {(row.dataset, row.series) for row in rows if row}
        for tie in self.report.ties:
            if tie.column == column and places == {(tie.dataset, name) for name in tie.rows}:
                return tie
        return None

    def _column(self, one: MetricRow) -> str:
        """Return the key of a figure's column; a second measure has one of its own where the first has taken it."""
        key = self._shown(one).key
        own = f"{key}/{measure_of(one)}"
        return own if any(column.key == own for column in self.report.columns) else key

    def _is_in_table(self, one: MetricRow) -> bool:
        measure = measure_of(one)
        mine = [other for other in self.side.found if measure_of(other) == measure]
        return any(other is one for other in pick(self._shown(one), mine))

    def _row(self, one: MetricRow) -> Row | None:
        """Return the row of a figure; None where it is of several."""
        is_floor = self.side.is_floor(one)
        found = [
            row
            for row in self.report.rows
            if row.floor == is_floor
            and all(
                value in (None, getattr(row, axis))
                for axis, value in zip(ROW_AXES, one.at, strict=True)
            )
        ]
        return found[0] if len(found) == 1 else None

    def _shown(self, one: MetricRow) -> Shown:
        known = shown_metrics(self.catalogue, measure_of(one))
        return known.get(one.name) or Shown(metric=one.name)
