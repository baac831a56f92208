"""Sentences that answer the question: which model should I take?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.catalogue.shown import HEADLINE, Verdict
from harness.statistics.model_groups import ALPHA, ModelComparison
from harness.summary.report_data import Column, DatasetInfo, Row

_NAMED = 5  # models that a sentence names; of more it says how many


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A column, and the verdict that its measure wants told of it."""

    column: Column
    verdict: Verdict

    def value(self, row: Row) -> float:
        """Return the figure of a row."""
        return row.figures[self.column.key].value

    def known(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that have a figure, the best first."""
        having = [row for row in rows if _known(row, self.column.key)]
        return sorted(having, key=lambda row: -self.sign * self.value(row))

    def is_doubtful(self, row: Row) -> bool:
        """Whether a measure has marked the figure of a row."""
        return row.figures[self.column.key].doubtful

    @property
    def sign(self) -> int:
        """-1 where less is better, else 1."""
        return -1 if self.column.better == "lower" else 1

    def words(self, row: Row) -> str:
        """Return the figure of a row: "98.7 %", "1,234 parameters"."""
        value = self.value(row)
        if self.verdict.figure:
            return self.verdict.figure.format(value)
        if self.column.unit == "fraction":
            return f"{100 * value:.1f} %"
        return f"{self.column.title.partition(',')[0]} {value:.3f}"


def verdicts(
    rows: Sequence[Row],
    asked: Sequence[Asked],
    comparisons: Mapping[str, Mapping[str, ModelComparison]],
    datasets: Sequence[DatasetInfo],
) -> tuple[str, ...]:
    """Return a sentence a question and data set; nothing where there is nothing to compare.

    asked: in the order of the columns. What models are ranked by comes first, then what is asked of the best by
    it alone, then what is asked of all.
    """
    found: list[str] = []
    for info in datasets:
        mine = [row for row in rows if row.dataset == info.name and _known(row, HEADLINE)]
        if len(mine) > 1:
            here = [one for one in asked if info.name in (one.column.datasets or (info.name,))]
            of_this = {key: by[info.name] for key, by in comparisons.items() if info.name in by}
            prefix = f"{info.name}: " if len(datasets) > 1 else ""
            found += [prefix + sentence for sentence in _of_dataset(mine, here, of_this)]
    return tuple(found)


def _of_dataset(
    rows: Sequence[Row], asked: Sequence[Asked], comparisons: Mapping[str, ModelComparison]
) -> list[str]:
    main = [one for one in asked if one.column.key == HEADLINE]
    others = [one for one in asked if one.column.key != HEADLINE]
    sure = [row for row in rows if not row.figures[HEADLINE].doubtful]
    ranked = main[0].known(sure) if main else sure
    contenders = _contenders(ranked[0], sure, comparisons.get(HEADLINE)) if ranked else []
    sentences = [
        *(_best(one, rows, comparisons.get(HEADLINE)) for one in main),
        *(_best_of_few(one, contenders) for one in others if one.verdict.of_contenders),
        *(
            _best(one, rows, comparisons.get(one.column.key))
            for one in others
            if not one.verdict.of_contenders
        ),
    ]
    return list(filter(None, sentences))


def _known(row: Row, key: str) -> bool:
    return key in row.figures and math.isfinite(row.figures[key].value)


def _best(asked: Asked, rows: Sequence[Row], comparison: ModelComparison | None) -> str:
    """Name the row with the best figure, and those that cannot be told apart from it: by paired tests, or by intervals
    where no examples were kept.

    A figure that is marked as doubtful makes no model the best.
    """
    known = asked.known(rows)
    if len(known) < 2:
        return ""
    marked = [row.series for row in known if asked.is_doubtful(row)]
    if len(marked) == len(known):
        return f"{asked.verdict.words}: not said, as every figure is marked as doubtful."
    left_out = f" Left out, as marked: {name_some(marked)}." if marked else ""
    best, *rest = [row for row in known if not asked.is_doubtful(row)]  # the nearest to it first
    said = f"{asked.verdict.words}: {best.series}, {asked.words(best)}"
    if comparison is None or best.series not in comparison.names or not rest:
        return f"{said}{_reaching(asked, best, rest)}.{left_out}"
    others = [row.series for row in rest if row.series in comparison.names]
    p_values = {other: comparison.p_value(best.series, other) for other in others}
    ties = [other for other in others if p_values[other] >= ALPHA]
    if not ties:
        return f"{said}; all others are distinguishable from it.{left_out}"
    least = min(map(p_values.__getitem__, ties))
    chance = f"p = {least:.2f}" + (" or more" if len(ties) > 1 and least < 0.995 else "")
    return f"{said}; not distinguishable from {name_some(ties)} ({chance}).{left_out}"


def contenders_of(rows: Sequence[Row], comparison: ModelComparison | None) -> list[str] | None:
    """Return the name of the model that is ranked first and of those that cannot be told apart from it, the nearest
    first; figures that are marked as doubtful count for nothing. None where some were not compared.

    rows: the best first, as they are in tables.
    """
    known = [row for row in rows if _known(row, HEADLINE) and not row.figures[HEADLINE].doubtful]
    if len(known) > 1 and not {row.series for row in known} <= set(
        comparison.names if comparison else ()
    ):
        return None
    return [row.series for row in _contenders(known[0], known, comparison)] if known else []


def _contenders(best: Row, rows: Sequence[Row], comparison: ModelComparison | None) -> list[Row]:
    """Return the row that is ranked first and those that cannot be told apart from it."""
    if comparison is None:
        return [best]
    return [
        row for row in rows if row is best or comparison.p_value(best.series, row.series) >= ALPHA
    ]


def _best_of_few(asked: Asked, contenders: Sequence[Row]) -> str:
    """Name the best of those that may be ranked first, and those whose intervals reach its own."""
    having = asked.known(contenders)
    if len(having) < 2:
        return ""
    best, *rest = having
    close, tied = close_to(asked, best, rest), asked.verdict.tied
    also = f"; {name_some(close)} {tied}" if close and tied else ""
    return f"{asked.verdict.words}: {best.series}, {asked.words(best)}{also}."


def _reaching(asked: Asked, best: Row, rest: Sequence[Row]) -> str:
    close = [series for series in close_to(asked, best, rest) if not lacks_interval(asked, best)]
    if not close:
        return ""
    several = len(close) > 1
    return (
        f"; the interval{'s' * several} of {name_some(close)} reach{'es' * (not several)} its own"
    )


def lacks_interval(asked: Asked, row: Row) -> bool:
    """Whether a figure has no interval: it is exact, or a single observation."""
    figure = row.figures[asked.column.key]
    return figure.low is None or figure.high is None


def close_to(asked: Asked, best: Row, rest: Sequence[Row]) -> list[str]:
    """Return those whose intervals reach that of the best."""
    reach = _end(asked, best, -asked.sign)
    return [row.series for row in rest if (_end(asked, row, asked.sign) - reach) * asked.sign >= 0]


def _end(asked: Asked, row: Row, sign: int) -> float:
    """Return the upper end of a figure's interval where the sign is positive, else the lower one."""
    figure = row.figures[asked.column.key]
    end = figure.high if sign > 0 else figure.low
    return figure.value if end is None else end


def name_some(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c", or the first five "and 53 more"."""
    more = len(names) - _NAMED
    shown = [*names[:_NAMED], f"{more} more"] if more > 0 else list(names)
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)
