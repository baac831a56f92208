"""Which rows verdicts and letters do not tell apart, pair by pair: for what else a page says of the same two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.catalogue.shown import HEADLINE
from harness.statistics.model_groups import ALPHA, ModelComparison
from harness.summary.floors import Judged
from harness.summary.report_data import Row, Tie
from harness.summary.verdict import Asked, close_to, contenders_of, lacks_interval

Comparisons = Mapping[str, Mapping[str, ModelComparison]]  # by the key of a column and data set


def find_ties(
    rows: Sequence[Row],
    asked: Sequence[Asked],
    comparisons: Comparisons,
    judged: Mapping[str, Judged],
) -> Iterator[Tie]:
    """Yield the pairs of models that are not told apart by what verdicts are asked of, then of models and floors.

    rows: models, the best of a data set first. judged: how they stand beside floors, by data set.
    """
    for one in asked:
        tested = comparisons.get(one.column.key, {})
        for dataset in dict.fromkeys(row.dataset for row in rows):
            mine = [row for row in rows if row.dataset == dataset]
            if dataset in tested:
                pairs = tested[dataset].p_values
                yield from _tested(dataset, one.column.key, pairs, len(pairs))
            else:
                few = contenders_of(mine, comparisons.get(HEADLINE, {}).get(dataset))
                yield from _reaching(dataset, one, mine, few or [])
    for dataset, floors in judged.items():
        # each floor asks a question of its own: as many pairs as there are models
        yield from _tested(dataset, HEADLINE, floors.p_values, len(floors.models))


def _tested(
    dataset: str, column: str, p_values: Mapping[tuple[str, str], float], pairs: int
) -> Iterator[Tie]:
    for pair, p_value in p_values.items():
        if p_value >= ALPHA:
            yield Tie(
                dataset=dataset,
                column=column,
                rows=tuple(sorted(pair)),
                pairs=pairs,
                p_value=p_value,
            )


def _reaching(
    dataset: str, asked: Asked, rows: Sequence[Row], contenders: Sequence[str]
) -> Iterator[Tie]:
    """Yield the best with each whose interval reaches its own, where a verdict says so."""
    if asked.verdict.of_contenders:
        rows = [row for row in rows if row.series in contenders] if asked.verdict.tied else []
    known = [row for row in asked.known(rows) if not asked.is_doubtful(row)]
    if len(known) > 1 and not lacks_interval(asked, known[0]):
        for other in close_to(asked, known[0], known[1:]):
            yield Tie(
                dataset=dataset,
                column=asked.column.key,
                rows=tuple(sorted((known[0].series, other))),
            )
