"""Sentences that answer the question: which model should I take?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from harness.results.compare import Comparison
from harness.results.report_data import Column, Row

WITHIN = 0.01  # "within a point": of accuracy or R2


def verdicts(
    rows: Sequence[Row],
    columns: Mapping[str, Column],
    comparisons: Mapping[str, Mapping[str, Comparison]],
    name_of: Callable[[Row], str],
) -> tuple[str, ...]:
    """Return a sentence a question and data set; nothing where there is nothing to compare."""
    found: list[str] = []
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    for dataset in datasets:
        mine = [row for row in rows if row.dataset == dataset and "headline" in row.figures]
        if len(mine) < 2:
            continue
        prefix = f"{dataset}: " if len(datasets) > 1 else ""
        sentences = [
            _best("Best", "headline", mine, columns, comparisons, dataset, name_of),
            _fastest(mine, name_of),
            _best("Most robust", "robust", mine, columns, comparisons, dataset, name_of),
            _best("Least hurt by shifts", "shifted", mine, columns, comparisons, dataset, name_of),
            _smallest(mine, name_of),
        ]
        found += [prefix + sentence for sentence in sentences if sentence]
    return tuple(found)


def _best(
    word: str,
    key: str,
    rows: Sequence[Row],
    columns: Mapping[str, Column],
    comparisons: Mapping[str, Mapping[str, Comparison]],
    dataset: str,
    name_of: Callable[[Row], str],
) -> str:
    """Name the row with the highest figure, and those that cannot be told apart from it."""
    having = [r for r in rows if key in r.figures and math.isfinite(r.figures[key].value)]
    if len(having) < 2:
        return ""
    best = max(having, key=lambda row: row.figures[key].value)
    name = name_of(best)
    value = best.figures[key].value
    unit = columns[key].unit
    figure = f"{100 * value:.1f} %" if unit == "fraction" else f"{value:.3f}"
    if key == "headline":
        word = "Most accurate" if unit == "fraction" else "Closest"
    condition = f" ({columns[key].title.partition(', ')[2]})" if key == "robust" else ""
    comparison = comparisons.get(key, {}).get(dataset)
    if comparison is None or name not in comparison.names:
        return f"{word}{condition}: {name}, {figure}."
    ties = [
        other for other in comparison.names if other != name and not _sure(comparison, name, other)
    ]
    if not ties:
        return f"{word}{condition}: {name}, {figure}; all others are distinguishable from it."
    p_value = max(comparison.p_value(name, other) for other in ties)
    return (
        f"{word}{condition}: {name}, {figure}; not distinguishable from {_and(ties)} "
        f"(p = {p_value:.2f}{' at most' if len(ties) > 1 else ''})."
    )


def _sure(comparison: Comparison, first: str, second: str) -> bool:
    differs = comparison.differs
    return differs.get((first, second), differs.get((second, first), False))


def _fastest(rows: Sequence[Row], name_of: Callable[[Row], str]) -> str:
    """Name the fastest among those within a point of the most accurate."""
    best = max(row.figures["headline"].value for row in rows)
    near = [
        row
        for row in rows
        if "throughput" in row.figures and row.figures["headline"].value >= best - WITHIN
    ]
    if not near:
        return ""
    fastest = max(near, key=lambda row: row.figures["throughput"].value)
    figure = fastest.figures["throughput"]
    close = [
        name_of(row)
        for row in near
        if row is not fastest
        and (row.figures["throughput"].high or row.figures["throughput"].value)
        >= (figure.low or figure.value)
    ]
    also = f"; {_and(close)} may be as fast" if close else ""
    return f"Fastest within a point of it: {name_of(fastest)}, {figure.value:,.0f} a second{also}."


def _smallest(rows: Sequence[Row], name_of: Callable[[Row], str]) -> str:
    """Name the one with the fewest parameters among those within a point of the most accurate."""
    best = max(row.figures["headline"].value for row in rows)
    near = [
        row
        for row in rows
        if "parameters" in row.figures and row.figures["headline"].value >= best - WITHIN
    ]
    if not near:
        return ""
    smallest = min(near, key=lambda row: row.figures["parameters"].value)
    count = smallest.figures["parameters"].value
    return f"Smallest within a point of it: {name_of(smallest)}, {count:,.0f} parameters."


def _and(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return ", ".join(names[:-1]) + " and " + names[-1]
