"""The columns of a report while they are filled: which there are, their figures, and what models are compared by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from harness.catalogue.shown import HEADLINE, Shown, Verdict, fill_in
from harness.plan.grammar import format_value, parse_name
from harness.statistics.model_groups import Scores
from harness.store.run_data import JobRow
from harness.summary.cells import Cells
from harness.summary.example_scores import ExampleScores
from harness.summary.figure import Figure
from harness.summary.metric_rows import MetricRow, RowKey
from harness.summary.report_data import Column, Row
from harness.summary.verdict import Asked


class FilledColumns:
    """Columns, each of one metric.

    figures: of each place, by the keys of columns. scores: what models are compared by, by key and place.
    """

    def __init__(
        self,
        places: Iterable[RowKey],
        jobs: Mapping[str, JobRow],
        cells: Cells,
        kept: ExampleScores,
        sort: Callable[[Iterable[MetricRow]], Mapping[RowKey, list[MetricRow]]],
    ) -> None:
        """Take the places of all rows, jobs by their fingerprints, and `sort`, which gives metrics their places."""
        self.figures: dict[RowKey, dict[str, Figure]] = {place: {} for place in places}
        self.scores: dict[str, dict[RowKey, Scores]] = {}
        self._jobs, self._cells, self._kept, self._sort = jobs, cells, kept, sort
        # By key and metric; columns with the data sets that they are of.
        self._columns: dict[tuple[str, str], tuple[Column, set[str]]] = {}
        self._measures: dict[tuple[str, str], str] = {}  # the first that filled each
        self._told: dict[tuple[str, str], Verdict] = {}

    def fill(self, measure: str, shown: Shown, chosen: Sequence[MetricRow]) -> None:
        """Fill a column; a second measure with the same one (another norm) gets one of its own."""
        places = self._sort(chosen)
        if not places:
            return
        taken = any(shown.key in self.figures[place] for place in places)
        key = f"{shown.key}/{measure}" if taken else shown.key
        column = Column(
            key=key,
            title=fill_in(shown.title or shown.metric.replace("_", " "), chosen[0].where),
            unit=chosen[0].unit,
            better=shown.better,
            meaning=shown.meaning,
        )
        _, datasets = self._columns.setdefault((key, shown.metric), (column, set()))
        self._measures.setdefault((key, shown.metric), measure)
        datasets |= {place.dataset for place in places}
        if (verdict := _verdict(key, column, shown)) is not None:
            words = fill_in(verdict.words, chosen[0].where)
            self._told.setdefault((key, shown.metric), replace(verdict, words=words))
        seeds = {place: self._seeds_of(mine) for place, mine in places.items()}
        for place, mine in places.items():
            scored = self._kept.scores(mine)
            figure = self._cells.figure(mine, scored, shown.bounds)
            known = [seeds[other] for other in seeds if other.dataset == place.dataset]
            fewer = _fewer_seeds(seeds[place], frozenset().union(*known))
            note = "; ".join(words for words in (fewer, figure.note) if words)
            self.figures[place][key] = replace(figure, note=note)
            if scored is not None and math.isfinite(figure.value):  # what is undefined has no rank
                self.scores.setdefault(key, {})[place] = scored

    def _seeds_of(self, found: Iterable[MetricRow]) -> frozenset[int]:
        axes = (self._jobs[one.fingerprint].axes for one in found)
        return frozenset(int(one["seed"]) for one in axes if one.get("seed") is not None)

    def shown(self) -> tuple[Column, ...]:
        """Return the columns; those that share a key are of other metrics on other data sets.

        Titles that are alike name the options in which the measures differ.
        """
        keys = [key for key, _ in self._columns]
        alike: dict[str, list[str]] = {}
        for key, (column, _) in self._columns.items():
            alike.setdefault(column.title, []).append(self._measures[key])
        return tuple(
            replace(
                column,
                title=", ".join([column.title, *_own(self._measures[key], alike[column.title])]),
                datasets=tuple(sorted(datasets)) if keys.count(column.key) > 1 else (),
            )
            for key, (column, datasets) in self._columns.items()
        )

    def asked(self) -> list[Asked]:
        """Return the columns of which there is a verdict, with it."""
        found = zip(self._columns, self.shown(), strict=True)
        return [
            Asked(column=column, verdict=self._told[key])
            for key, column in found
            if key in self._told
        ]

    def worth(self, row: Row) -> float:
        """Return a row's headline, turned where less is better; minus infinity where it has none."""
        figure = row.figures.get(HEADLINE)
        if figure is None or math.isnan(figure.value):
            return -math.inf
        less = any(
            column.better == "lower" and row.dataset in datasets
            for (key, _), (column, datasets) in self._columns.items()
            if key == HEADLINE
        )
        return -figure.value if less else figure.value


def _verdict(key: str, column: Column, shown: Shown) -> Verdict | None:
    """Return what is told of a column; of one that a second measure has (another norm) nothing."""
    if key != shown.key:
        return None
    return shown.verdict or (Verdict(words=f"Best {column.title}") if key == HEADLINE else None)


def _own(measure: str, measures: Sequence[str]) -> list[str]:
    """Return the options of a measure that not all of some have, such as "attacks=[fgsm]"."""
    if len(set(measures)) < 2:
        return []
    written = [
        [f"{key}={format_value(value)}" for key, value in parse_name(one).options.items()]
        for one in (measure, *measures)
    ]
    return [option for option in written[0] if any(option not in one for one in written)]


def _fewer_seeds(mine: frozenset[int], known: frozenset[int]) -> str:
    """Say on which seeds a figure rests where others of its column have more; they are paired on these."""
    if not mine or mine == known:
        return ""
    return f"of seed {', '.join(map(str, sorted(mine)))} alone"
