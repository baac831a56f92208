"""Sentences that answer the question: which model should I take?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.catalogue.shown import HEADLINE
from harness.statistics.model_groups import ALPHA, ModelComparison
from harness.summary.report_data import Column, DatasetInfo, Row

_BEST = {"accuracy": "Most accurate", "r²": "Closest"}
_NAMED = 5  # models that a sentence names; of more it says how many


def verdicts(
    rows: Sequence[Row],
    columns: Sequence[Column],
    comparisons: Mapping[str, Mapping[str, ModelComparison]],
    datasets: Sequence[DatasetInfo],
) -> tuple[str, ...]:
    """Return a sentence a question and data set; nothing where there is nothing to compare."""
    found: list[str] = []
    for info in datasets:
        mine = [row for row in rows if row.dataset == info.name and _known(row, HEADLINE)]
        if len(mine) > 1:
            here = {one.key: one for one in columns if info.name in (one.datasets or (info.name,))}
            of_this = {key: by[info.name] for key, by in comparisons.items() if info.name in by}
            prefix = f"{info.name}: " if len(datasets) > 1 else ""
            found += [prefix + sentence for sentence in _of_dataset(mine, here, of_this)]
    return tuple(found)


def _of_dataset(
    rows: Sequence[Row], columns: Mapping[str, Column], comparisons: Mapping[str, ModelComparison]
) -> list[str]:
    contenders = _contenders(rows, comparisons.get(HEADLINE))
    quality = columns[HEADLINE].title
    robust = columns["robust"].title.removeprefix("robust, ") if "robust" in columns else ""

    def best(words: str, key: str) -> str:
        if key not in columns:
            return ""
        return _best(words, columns[key], quality, rows, comparisons.get(key))

    sentences = [
        best(_BEST.get(quality, f"Best {quality}"), HEADLINE),
        _fastest(contenders),
        _smallest(contenders),
        best(f"Most robust ({robust})", "robust"),
        best("Least hurt by shifts", "shifted"),
    ]
    return list(filter(None, sentences))


def _known(row: Row, key: str) -> bool:
    return key in row.figures and math.isfinite(row.figures[key].value)


def _best(
    words: str,
    column: Column,
    quality: str,
    rows: Sequence[Row],
    comparison: ModelComparison | None,
) -> str:
    """Name the row with the highest figure, and those that cannot be told apart from it.

    quality: what a figure that is no share is of: "r²".
    """
    key = column.key
    having = [row for row in rows if _known(row, key)]
    if len(having) < 2:
        return ""
    best = max(having, key=lambda row: row.figures[key].value)
    value = best.figures[key].value
    figure = f"{100 * value:.1f} %" if column.unit == "fraction" else f"{quality} {value:.3f}"
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
    least = min(map(p_values.__getitem__, ties))
    chance = f"p = {least:.2f}" + (" or more" if len(ties) > 1 and least < 0.995 else "")
    return f"{words}: {best.series}, {figure}; not distinguishable from {_and(ties)} ({chance})."


def _contenders(rows: Sequence[Row], comparison: ModelComparison | None) -> list[Row]:
    """Return the most accurate row and those that cannot be told apart from it."""
    best = max(rows, key=lambda row: row.figures[HEADLINE].value)
    if comparison is None:
        return [best]
    return [
        row for row in rows if row is best or comparison.p_value(best.series, row.series) >= ALPHA
    ]


def _fastest(contenders: Sequence[Row]) -> str:
    """Name the fastest of those that may be the most accurate."""
    having = [row for row in contenders if _known(row, "throughput")]
    if len(having) < 2:
        return ""
    having.sort(key=lambda row: -row.figures["throughput"].value)
    fastest = having[0]
    figure = fastest.figures["throughput"]
    floor = figure.value if figure.low is None else figure.low
    close = [row.series for row in having[1:] if _reach(row) >= floor]
    also = f"; {_and(close)} may be as fast" if close else ""
    return f"Fastest of these: {fastest.series}, {figure.value:,.0f} a second{also}."


def _reach(row: Row) -> float:
    figure = row.figures["throughput"]
    return figure.value if figure.high is None else figure.high


def _smallest(contenders: Sequence[Row]) -> str:
    """Name the one with the fewest parameters of those that may be the most accurate."""
    having = [row for row in contenders if _known(row, "parameters")]
    if len(having) < 2:
        return ""
    smallest = min(having, key=lambda row: row.figures["parameters"].value)
    count = smallest.figures["parameters"].value
    return f"Smallest of these: {smallest.series}, {count:,.0f} parameters."


def _and(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c", or the first five "and 53 more"."""
    more = len(names) - _NAMED
    shown = [*names[:_NAMED], f"{more} more"] if more > 0 else list(names)
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)
