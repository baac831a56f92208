"""From metrics to the charts that a measure declares, with rows of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from made_rows import table_row

from harness.catalogue.charts import MODELS, Chart, Curve, Grid, Scatter, Tradeoff
from harness.catalogue.shown import Axes, Axis, Shown
from harness.summary.chart_rows import ModelNames
from harness.summary.charts import ChartMaker, trade_off
from harness.summary.figure import Figure
from harness.summary.metric_rows import MetricRow, RowKey
from harness.summary.report_data import Column

AXES = Axes(
    (
        Axis(name="norm"),
        Axis(name="epsilon", text="epsilon_text"),
        Axis(name="batch_size", title="batch"),
        Axis(name="threads", setting=True),
        Axis(name="source", title="made on", models=True),
        Axis(name="target", title="judged on", models=True),
    )
)
SHOWS = {"score": Shown(metric="score", title="score, {norm}", better="higher")}
TEXTS = {0.0: "0", 0.5: "1/2", 1.0: "1"}


def key(architecture: str, precision: str = "fp32", dataset: str = "digits") -> RowKey:
    return RowKey(architecture, dataset, "plain", precision, "cpu")


def row(
    value: float,
    at: RowKey | tuple[str | None, ...],
    name: str = "score",
    measure: str = "mine",
    **where: Any,
) -> MetricRow:
    if isinstance(at, RowKey):
        at = (at.architecture, at.dataset, at.recipe, at.precision, at.device)
    return MetricRow(
        at=at,
        measure=measure,
        name=name,
        value=value,
        unit="fraction",
        low=None,
        high=None,
        n=None,
        exact=True,
        where=where,
        flag="",
        fingerprint="f",
    )


def draw(chart: Chart, found: Sequence[MetricRow], *keys: RowKey) -> list[Any]:
    """Return the charts; models are named by their architecture, with the precision where two differ."""
    several = len({one.precision for one in keys}) > 1
    names = {
        one: f"{one.architecture} {one.precision}" if several else one.architecture for one in keys
    }
    maker = ChartMaker(
        axes=AXES,
        shows=SHOWS,
        found=found,
        names=ModelNames(names, list(names.values())),
        figure=lambda rows: Figure(value=sum(one.value for one in rows) / len(rows), n=len(rows)),
    )
    return list(maker.charts(chart))


A, B = key("a"), key("b")
CURVE = Curve(title="Score, {norm}", x="epsilon", y="score", also=("clean",), panel=("norm",))


def ball(norm: str, epsilon: float) -> dict[str, Any]:
    return {"norm": norm, "epsilon": epsilon, "epsilon_text": TEXTS[epsilon]}


def test_a_line_a_model_and_a_chart_a_panel() -> None:
    found = [
        row(value, at, **ball(norm, epsilon))
        for at, value in ((B, 0.25), (A, 0.5))
        for norm in ("l2", "linf")
        for epsilon in (1.0, 0.5)
        for _seed in range(2)
    ]
    found += [row(1.0, A, name="clean", **ball("linf", 0.0))]
    found += [row(0.0, A, name="other", **ball("linf", 0.0)), row(0.0, A, norm="linf")]
    one, two = draw(CURVE, found, A, B)
    assert (one.title, two.title, two.dataset) == ("Score, l2", "Score, linf", "digits")
    assert (two.x.title, two.y.title, two.y.unit) == ("epsilon", "score", "fraction")
    assert [(p.series, p.x, p.x_text, p.y.value, p.y.n) for p in two.points] == [
        ("a", 0.0, "0", 1.0, 1),
        ("a", 0.5, "1/2", 0.5, 2),
        ("a", 1.0, "1", 0.5, 2),
        ("b", 0.5, "1/2", 0.25, 2),
        ("b", 1.0, "1", 0.25, 2),
    ]


def test_what_a_fit_says_is_a_line_of_its_own_and_a_log_axis_has_no_zero() -> None:
    chart = Curve(title="Score", x="epsilon", y="score", fitted="law", log=("x", "y"))
    found = [row(value, A, **ball("l2", epsilon)) for value, epsilon in ((0.5, 1.0), (0.0, 0.5))]
    found += [row(0.4, A, name="law", **ball("l2", 1.0)), row(0.9, A, **ball("l2", 0.0))]
    (drawn,) = draw(chart, found, A)
    assert drawn.x.log and drawn.y.log
    assert [(p.x, p.y.value) for p in drawn.points] == [(1.0, 0.5)]
    assert [(p.x, p.y.value) for p in drawn.fitted] == [(1.0, 0.4)]


def test_a_panel_that_a_title_does_not_say_is_said_after_it() -> None:
    chart = Curve(title="Score", x="epsilon", y="score", panel=("norm",))
    (drawn,) = draw(chart, [row(0.5, A, **ball("l2", 0.5))], A)
    assert drawn.title == "Score, norm l2"


def test_what_a_logarithmic_scale_has_no_place_for_is_left_out() -> None:
    found = [row(value, A, **ball("l2", value)) for value in (0.0, 0.5, 1.0)]
    for log, places in (((), 3), (("y",), 2), (("x",), 2)):
        (drawn,) = draw(Curve(title="S", x="epsilon", y="score", log=log), found, A)
        assert len(drawn.points) == places
        assert (drawn.x.log, drawn.y.log) == ("x" in log, "y" in log)


@pytest.mark.parametrize(("of_several", "values"), [("lowest", [0.25]), ("highest", [0.75])])
def test_of_measures_with_one_point_one_counts(of_several: str, values: list[float]) -> None:
    found = [
        row(value, A, measure=measure, **ball("l2", 0.5))
        for measure, value in (("mine", 0.75), ("mine:attacks=[b]", 0.25))
    ]
    chart = Curve(title="S", x="epsilon", y="score", of_several=of_several)
    (drawn,) = draw(chart, found, A)
    assert [point.y.value for point in drawn.points] == values
    each = draw(Curve(title="S", x="epsilon", y="score"), found, A)
    assert [one.title for one in each] == ["S", "S, attacks=[b]"]


def test_measures_that_share_no_point_are_one_chart() -> None:
    found = [row(0.5, A, measure=f"mine:epsilons=[{e}]", **ball("l2", e)) for e in (0.5, 1.0)]
    (drawn,) = draw(Curve(title="S", x="epsilon", y="score"), found, A)
    assert len(drawn.points) == 2


def test_a_map_has_models_as_rows_and_numbers_in_their_order() -> None:
    found = [
        row(0.1 * size, at, batch_size=size, norm=norm)
        for norm, size, at in itertools.product(("z", "a"), (10, 9), (A, B))
    ]
    (drawn,) = draw(Grid(title="M", value="score", x="batch_size", facet="norm"), found, B, A)
    assert (drawn.rows, drawn.columns, drawn.facets) == (("b", "a"), ("9", "10"), ("z", "a"))
    assert (drawn.x.title, drawn.y.title, drawn.z.title) == ("batch", MODELS, "norm")
    assert len(drawn.cells) == 8 and drawn.cells[0].figure.value == pytest.approx(0.9)


MATRIX = Grid(
    title="T {norm}",
    value="score",
    x="target",
    y="source",
    beside="rate",
    margins=(("clean", "(none)"), ("worst", "(all)"), ("none of it", "(no row)")),
    panel=("norm",),
)


def test_a_matrix_of_models_has_their_names_and_a_margin_for_each_panel() -> None:
    """Metrics of several models: the architecture is open, and clean ones hold for both norms."""
    at = (None, "digits", None, "fp32", "cpu")
    found = [row(1.0, at, name="clean", target=name) for name in "ab"]
    found += [
        row(0.1, at, name="worst", target=name, norm=norm)
        for name in "ab"
        for norm in ("l2", "linf")
    ]
    for norm, source, target in itertools.product(("l2", "linf"), "ba", "ab"):
        pair = {"source": source, "target": target, "norm": norm}
        found.append(row(0.5, at, **pair))
        if source != target:
            found.append(row(0.25, at, name="rate", **pair))
    one, two = draw(MATRIX, found, A, B)
    assert (one.title, two.title) == ("T l2", "T linf")
    assert one.margin == "(none)"
    assert (one.rows, one.columns) == (("(none)", "(all)", "a", "b"), ("a", "b"))
    cells = {(cell.row, cell.column): cell for cell in one.cells}
    assert len(cells) == 8 and cells["(none)", "b"].figure.value == 1.0
    assert cells["a", "b"].beside == Figure(value=0.25, n=1) and cells["a", "a"].beside is None


def test_matrices_of_two_precisions_are_two() -> None:
    pair = {"source": "a", "target": "a", "norm": "l2"}
    found = [row(0.5, (None, "digits", None, p, "cpu"), **pair) for p in ("fp32", "bf16")]
    drawn = draw(MATRIX, found, A, key("a", "bf16"))
    assert [one.title for one in drawn] == ["T l2, fp32", "T l2, bf16"]
    assert [one.rows for one in drawn] == [("a fp32",), ("a bf16",)]


def test_a_grid_without_models_on_it_is_one_for_each_model() -> None:
    """A confusion matrix, for instance."""
    found = [
        row(0.5, at, true=true, said=said)
        for at, true, said in itertools.product((A, B), ("cat", "dog"), ("cat", "dog"))
    ]
    drawn = draw(Grid(title="C", value="score", x="said", y="true"), found, A, B)
    assert [one.title for one in drawn] == ["C, a", "C, b"]
    assert drawn[0].rows == drawn[0].columns == ("cat", "dog")


SCATTER = Scatter(
    title="S", x="score", y="speed", log=("y",), tells=("share",), ceiling=("most", "slope")
)


def figures(at: RowKey, **values: float) -> list[MetricRow]:
    where = {"batch_size": 8, "threads": 2}
    return [row(value, at, name=name, **where) for name, value in values.items()]


def test_a_point_needs_both_figures_and_a_place_on_a_log_axis() -> None:
    whole = {"score": 0.0, "speed": 2.0, "most": 4.0, "slope": 3.0}
    found = figures(A, **whole, share=0.5) + figures(B, score=1.0)
    found += figures(key("c"), **(whole | {"speed": 0.0}))
    (drawn,) = draw(SCATTER, found, A, B, key("c"))
    (point,) = drawn.points
    assert (point.label, point.condition) == ("a, batch 8", "batch 8")
    assert [(told.scale.title, told.figure.value) for told in point.tells] == [("share", 0.5)]
    assert [(limit.name, limit.most, limit.slope) for limit in drawn.limits] == [
        ("fp32, threads 2", 4.0, 3.0)
    ]
    assert (drawn.x.log, drawn.y.log) == (False, True)


def test_columns_are_set_against_each_other_where_a_data_set_has_both() -> None:
    columns = [
        Column(key="speed", title="speed", unit="1/s", better="higher", meaning=""),
        Column(
            key="headline",
            title="accuracy",
            unit="fraction",
            better="higher",
            meaning="",
            datasets=("digits",),
        ),
        Column(
            key="headline",
            title="r²",
            unit="",
            better="higher",
            meaning="",
            datasets=("diabetes",),
        ),
    ]
    rows = [
        table_row(
            "a", dataset=dataset, figures=dict(zip(("speed", "headline"), values, strict=False))
        )
        for dataset, values in (
            ("digits", (Figure(value=2.0), Figure(value=0.5))),
            ("diabetes", (Figure(value=2.0), Figure(value=0.5))),
            ("textures", (Figure(value=2.0),)),
        )
    ]
    chart = Tradeoff(title="{y} against {x}", x="speed", log=("x",))
    found = list(trade_off(chart, columns, rows))
    assert [(one.title, one.dataset, one.front) for one in found] == [
        ("Accuracy against speed", "digits", True),
        ("R² against speed", "diabetes", True),
    ]
    assert list(trade_off(chart, columns[1:], rows)) == []
