"""Sentences that answer the question: which model should I take?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.statistics.model_groups import ALPHA, ModelComparison
from harness.summary.report_data import Column, DatasetInfo, Row

WITHIN = 0.01  # "within a point": of accuracy or R2
_NAMED = 5  # models that a sentence names; of more it says how many
_ROUNDING = 1e-12


def verdicts(
    rows: Sequence[Row],
    columns: Mapping[str, Column],
    comparisons: Mapping[str, Mapping[str, ModelComparison]],
    datasets: Sequence[DatasetInfo],
) -> tuple[str, ...]:
    """Return a sentence a question and data set; nothing where there is nothing to compare."""
    found: list[str] = []
    for info in datasets:
        mine = [row for row in rows if row.dataset == info.name and _known(row, "headline")]
        if len(mine) < 2:
            continue
        prefix = f"{info.name}: " if len(datasets) > 1 else ""
        is_share = info.headline == "accuracy"
        sentences = [
            _best("Most accurate" if is_share else "Closest", "headline", mine, info, comparisons),
            _fastest(mine),
            _best(_robust_words(columns), "robust", mine, info, comparisons),
            _best("Least hurt by shifts", "shifted", mine, info, comparisons),
            _smallest(mine),
        ]
        found += [prefix + sentence for sentence in sentences if sentence]
    return tuple(found)


def _robust_words(columns: Mapping[str, Column]) -> str:
    if "robust" not in columns:
        return "Most robust"
    return f"Most robust ({columns['robust'].title.removeprefix('robust, ')})"


def _known(row: Row, key: str) -> bool:
    return key in row.figures and math.isfinite(row.figures[key].value)


def _best(
    words: str,
    key: str,
    rows: Sequence[Row],
    dataset: DatasetInfo,
    comparisons: Mapping[str, Mapping[str, ModelComparison]],
) -> str:
    """Name the row with the highest figure, and those that cannot be told apart from it."""
    having = [row for row in rows if _known(row, key)]
    if len(having) < 2:
        return ""
    best = max(having, key=lambda row: row.figures[key].value)
    value = best.figures[key].value
    figure = f"{100 * value:.1f} %" if dataset.headline == "accuracy" else f"R2 {value:.3f}"
    comparison = comparisons.get(key, {}).get(dataset.name)
    if comparison is None or best.series not in comparison.names:
        return f"{words}: {best.series}, {figure}."
    having.sort(
        key=lambda row: -row.figures[key].value
    )  # those that are named are the nearest to it
    others = [row.series for row in having if row is not best and row.series in comparison.names]
    p_values = {other: comparison.p_value(best.series, other) for other in others}
    ties = [other for other in others if p_values[other] >= ALPHA]
    if not ties:
        return f"{words}: {best.series}, {figure}; all others are distinguishable from it."
    chance = f"p = {p_values[ties[0]]:.2f}"
    if len(ties) > 1:
        chance = f"p = {min(map(p_values.__getitem__, ties)):.2f} or more"
    return f"{words}: {best.series}, {figure}; not distinguishable from {_and(ties)} ({chance})."


def _near_best(rows: Sequence[Row], key: str) -> list[Row]:
    """Return the rows within a point of the most accurate that have a figure."""
    best = max(row.figures["headline"].value for row in rows)
    return [
        row
        for row in rows
        if _known(row, key) and row.figures["headline"].value >= best - WITHIN - _ROUNDING
    ]


def _fastest(rows: Sequence[Row]) -> str:
    """Name the fastest among those within a point of the most accurate."""
    near = _near_best(rows, "throughput")
    if not near:
        return ""
    fastest = max(near, key=lambda row: row.figures["throughput"].value)
    figure = fastest.figures["throughput"]
    floor = figure.value if figure.low is None else figure.low
    near.sort(key=lambda row: -row.figures["throughput"].value)
    close = [row.series for row in near if row is not fastest and _reach(row) >= floor]
    also = f"; {_and(close)} may be as fast" if close else ""
    return f"Fastest within a point of it: {fastest.series}, {figure.value:,.0f} a second{also}."


def _reach(row: Row) -> float:
    figure = row.figures["throughput"]
    return figure.value if figure.high is None else figure.high


def _smallest(rows: Sequence[Row]) -> str:
    """Name the one with the fewest parameters among those within a point of the most accurate."""
    near = _near_best(rows, "parameters")
    if not near:
        return ""
    smallest = min(near, key=lambda row: row.figures["parameters"].value)
    count = smallest.figures["parameters"].value
    return f"Smallest within a point of it: {smallest.series}, {count:,.0f} parameters."


def _and(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c", or the first five "and 53 more"."""
    more = len(names) - _NAMED
    shown = [*names[:_NAMED], f"{more} more"] if more > 0 else list(names)
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)
