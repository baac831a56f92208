"""What is shown of a metric of which its measure says nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.charts import MODELS, Curve, Grid
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import Axis, Shown
from harness.catalogue.subjects import Problem
from harness.summary.metric_rows import MetricRow
from harness.summary.shown_columns import (
    MOST_COLUMNS,
    _wants_log,
    pick,
    shown_charts,
    shown_columns,
    shown_metrics,
)

ROW = ("mlp", "digits", "plain", "fp32", "cpu")
MANY = range(MOST_COLUMNS + 1)


def catalogue(**fields: Any) -> Catalogue:
    item = Measure(name="mine", run=print, takes=("image",), **fields)
    return Catalogue([Entry(item=item, plugin="a test")])


def row(name: str = "score", at: tuple[str | None, ...] = ROW, **where: Any) -> MetricRow:
    return MetricRow(
        at=at,
        measure="mine",
        name=name,
        value=0.5,
        unit="",
        low=None,
        high=None,
        n=None,
        exact=False,
        where=where,
        flag="",
        fingerprint="f",
    )


def test_what_a_search_tried_is_a_chart_and_no_column() -> None:
    found = [row("validation_loss", learning_rate=rate) for rate in (0.001, 0.1)]
    found += [row("validation_loss", trial=number) for number in (0, 1)]
    assert shown_columns(catalogue(), "search", found) == []
    rates, trials = shown_charts(catalogue(), "search", found)
    assert isinstance(rates, Curve) and (rates.x, rates.log) == ("learning_rate", ("x", "y"))
    assert isinstance(trials, Curve) and (trials.x, trials.log) == ("trial", ("y",))
    (single,) = shown_charts(
        catalogue(), "search", [row("validation_loss", **{"optimizer.nesterov": True})]
    )
    assert isinstance(single, Grid) and single.title == "Searches, by optimizer.nesterov"


def test_a_column_for_each_thing_that_a_metric_holds_for() -> None:
    found = [row("plain"), *(row(size=size) for size in (2, 4)), row(size=2)]
    columns = shown_columns(catalogue(), "mine", found)
    assert [(one.title, one.key) for one in columns] == [
        ("plain", "mine/plain"),
        ("score, size 2", "mine/score/size 2"),
        ("score, size 4", "mine/score/size 4"),
    ]
    assert [len(pick(one, found)) for one in columns] == [1, 2, 1]
    assert shown_charts(catalogue(), "mine", found) == []


def test_what_goes_without_saying_makes_no_column_of_its_own() -> None:
    """Two runs of a measure may differ in their threads."""
    axes = (Axis(name="threads", setting=True), Axis(name="size", title="of size"))
    found = [row(size=2, threads=threads) for threads in (1, 2)]
    (column,) = shown_columns(catalogue(axes=axes), "mine", found)
    assert column.title == "score"
    both = [*found, row(size=4, threads=1)]
    titles = [one.title for one in shown_columns(catalogue(axes=axes), "mine", both)]
    assert titles == ["score, of size 2", "score, of size 4"]


def test_many_numbers_are_a_curve() -> None:
    found = [row(size=size, kind=kind) for size in MANY for kind in "ab"]
    assert shown_columns(catalogue(), "mine", found) == []
    assert shown_charts(catalogue(), "mine", found) == [
        Curve(title="Score", y="score", x="size", panel=("kind",))
    ]


def test_many_names_are_a_map() -> None:
    found = [row(kind=f"kind {k}") for k in MANY]
    assert shown_charts(catalogue(), "mine", found) == [
        Grid(title="Score", value="score", x="kind", y=MODELS)
    ]


@pytest.mark.parametrize(
    ("where", "chart"),
    [
        ([{"model": "a"}, {"model": "b"}], Grid(title="Score", value="score", y="model")),
        (
            [{"model": m, "other": o, "size": 1} for m in "ab" for o in "abc"],
            Grid(title="Score", value="score", y="other", x="model"),
        ),
    ],
)
def test_what_is_of_several_models_is_a_table(where: list[dict[str, Any]], chart: Grid) -> None:
    found = [row(at=(None, "digits", None, "fp32", "cpu"), **one) for one in where]
    assert shown_columns(catalogue(), "mine", found) == []
    assert shown_charts(catalogue(), "mine", found) == [chart]


def test_a_measure_has_the_word_where_it_says_anything() -> None:
    shows = (Shown(metric="score", where={"size": 4}), Shown(metric="rest", column=False))
    found = [row(size=2), row(size=4), row("rest"), row("unsaid")]
    (column,) = shown_columns(catalogue(shows=shows), "mine", found)
    assert (column.key, column.where) == ("mine/score", {"size": 4})
    assert list(shown_charts(catalogue(shows=shows), "mine", found)) == []
    assert shown_metrics(catalogue(shows=shows), "mine").keys() == {"score", "rest"}


def test_what_a_chart_draws_needs_no_columns_as_well() -> None:
    chart = Curve(title="S", x="size", y="score")
    found = [row(size=size) for size in (2, 4)]
    assert shown_columns(catalogue(charts=(chart,)), "mine", found) == []
    assert shown_charts(catalogue(charts=(chart,)), "mine", found) == [chart]
    assert len(shown_columns(catalogue(charts=(chart,)), "mine", found[:1])) == 1


def test_headlines_of_problems_stand_where_their_measure_says_so() -> None:
    graded = Problem(
        name="pieces",
        headline="pieces_found",
        better="lower",
        bounds=(0.0, 9.0),
        meaning="How many.",
        target_type="int64",
        grade=print,
        **dict.fromkeys(("check", "width", "loss", "invent", "describe"), print),
    )
    others = (
        replace(graded, name="known", headline="score"),
        replace(graded, name="x", grade=None),
    )
    shows = (Shown(metric="score", key="headline"), Shown(metric="*", key="headline"))
    measure = Measure(name="mine", run=print, takes=("image",), shows=shows)
    found = Catalogue(Entry(item=item, plugin="a test") for item in (measure, graded, *others))
    assert shown_metrics(found, "mine").keys() == {"score", "pieces_found"}
    _, mine = shown_columns(found, "mine", [])
    assert (mine.key, mine.better, mine.bounds, mine.meaning) == (
        *("headline", "lower", (0.0, 9.0), "How many."),
    )


def test_numbers_over_two_decades_are_on_a_logarithmic_axis() -> None:
    assert [_wants_log(values) for values in ((0.01, 1.0), (0.02, 1.0), (0.0, 1.0))] == [
        True,
        False,
        False,
    ]


def test_what_a_claim_is_about_has_a_column_if_it_is_one_figure() -> None:
    """cross-entropy, say, that has none of its own; not what is another figure at each step."""
    known = catalogue(
        shows=(Shown(metric="score"), *(Shown(metric=name, column=False) for name in "ab"))
    )
    found = [row(), row("a"), row("b", step=1), row("b", step=2)]
    assert [one.metric for one in shown_columns(known, "mine", found)] == ["score"]
    claimed = shown_columns(known, "mine", found, {"a", "b"})
    assert [(one.metric, one.key) for one in claimed] == [("score", "mine/score"), ("a", "mine/a")]
