"""A map of models by data sets: which headlines are on one, in which order, and when there is none."""

from __future__ import annotations

from collections.abc import Sequence

from harness.summary.across_datasets import draw_across
from harness.summary.figure import Figure
from harness.summary.report_data import Column, Row


def column(title: str, datasets: tuple[str, ...] = ()) -> Column:
    return Column(
        key="headline", title=title, unit="", better="higher", meaning="", datasets=datasets
    )


def rows(dataset: str, values: Sequence[tuple[str, float]]) -> list[Row]:
    """Return rows as a report has them: the best first."""
    return [
        Row(
            architecture=name,
            dataset=dataset,
            recipe="plain",
            precision="fp32",
            device="cpu",
            seeds=(0,),
            group="",
            rank="",
            figures={"headline": Figure(value=value)},
            series=name,
        )
        for name, value in values
    ]


THREE = (
    *rows("x", [("a", 0.9), ("b", 0.8)]),
    *rows("y", [("b", 0.7), ("a", 0.6)]),
    *rows("z", [("b", 0.5), ("c", 0.4), ("a", 0.3)]),
)


def test_models_stand_in_the_order_of_their_mean_place() -> None:
    (drawn,) = draw_across([column("accuracy")], THREE)
    assert (drawn.title, drawn.dataset) == ("Accuracy by data set", "3 data sets")
    assert drawn.columns == ("x", "y", "z")
    assert drawn.rows == ("b", "a", "c")  # mean places 1/3, 1 and 1
    figures = {(one.row, one.column): one.figure.value for one in drawn.cells}
    assert figures["a", "z"] == 0.3 and len(figures) == 7  # c is of z alone


def test_two_data_sets_of_a_headline_have_none_and_others_are_left_out() -> None:
    assert list(draw_across([column("accuracy")], THREE[:4])) == []
    four = [*THREE, *rows("w", [("a", -2.0)])]
    columns = [column("accuracy", ("x", "y", "z")), column("r²", ("w",))]
    (drawn,) = draw_across(columns, four)
    assert drawn.columns == ("x", "y", "z")


def test_what_is_no_number_is_on_no_square() -> None:
    (drawn,) = draw_across([column("mase")], [*THREE, *rows("w", [("a", float("nan"))])])
    assert drawn.columns == ("x", "y", "z")
