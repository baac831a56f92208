"""Which pairs verdicts do not tell apart: by tests of all pairs, by intervals, and beside floors."""

from made_rows import table_row

from harness.catalogue.shown import Verdict
from harness.statistics.model_groups import ModelComparison
from harness.summary.report_data import Column, Figure, Row, Tie
from harness.summary.ties import find_ties
from harness.summary.verdict import Asked


def row(name: str, **values: float) -> Row:
    figures = {key: Figure(value=v, low=v * 0.99, high=v * 1.01) for key, v in values.items()}
    return table_row(name, figures=figures)


def ask(key: str, title: str, unit: str, verdict: Verdict) -> Asked:
    column = Column(key=key, title=title, unit=unit, better="higher", meaning="")
    return Asked(column=column, verdict=verdict)


PAIRS = {("a", "b"): 0.06, ("a", "c"): 0.001, ("b", "c"): 0.5}
ROWS = [
    row("a", headline=0.9, throughput=100.0),
    row("b", headline=0.89, throughput=99.0),
    row("c", headline=0.5, throughput=1.0),
]


def test_every_pair_that_tests_do_not_tell_apart():
    asked = [ask("headline", "accuracy", "fraction", Verdict(words="Most accurate"))]
    tested = {"headline": {"digits": ModelComparison(("a", "b", "c"), PAIRS)}}
    assert list(find_ties(ROWS, asked, tested, {})) == [
        Tie(dataset="digits", column="headline", rows=("a", "b"), pairs=3, p_value=0.06),
        Tie(dataset="digits", column="headline", rows=("b", "c"), pairs=3, p_value=0.5),
    ]


def test_intervals_that_reach_that_of_the_best_among_those_that_may_be_ranked_first():
    verdict = Verdict(words="Fastest", of_contenders=True, tied="may be as fast")
    asked = [ask("throughput", "throughput", "1/s", verdict)]
    tested = {"headline": {"digits": ModelComparison(("a", "b", "c"), PAIRS)}}
    (tie,) = find_ties(ROWS, asked, tested, {})
    assert tie == Tie(dataset="digits", column="throughput", rows=("a", "b"))
    untold = [ask("throughput", "throughput", "1/s", Verdict(words="Fastest", of_contenders=True))]
    assert list(find_ties(ROWS, untold, tested, {})) == []
