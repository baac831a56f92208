"""Maps of models by data sets and by recipes: which headlines are on one, in which order, and when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from made_rows import table_row

from harness.summary.figure import Figure
from harness.summary.headline_maps import map_data_sets, map_recipes
from harness.summary.report_data import Column, Row


def column(title: str, datasets: tuple[str, ...] = ()) -> Column:
    return Column(
        key="headline", title=title, unit="", better="higher", meaning="", datasets=datasets
    )


def rows(dataset: str, values: Sequence[tuple[str, float]]) -> list[Row]:
    """Return rows as a report has them: the best first."""
    return [
        table_row(name, dataset=dataset, figures={"headline": Figure(value=value)})
        for name, value in values
    ]


THREE = (
    *rows("x", [("a", 0.9), ("b", 0.8)]),
    *rows("y", [("b", 0.7), ("a", 0.6)]),
    *rows("z", [("b", 0.5), ("c", 0.4), ("a", 0.3)]),
)


def test_models_stand_in_the_order_of_their_mean_place() -> None:
    (drawn,) = map_data_sets([column("accuracy")], THREE)
    assert (drawn.title, drawn.dataset) == ("Accuracy by data set", "3 data sets")
    assert drawn.columns == ("x", "y", "z")
    assert drawn.rows == ("b", "a", "c")  # mean places 1/3, 1 and 1
    figures = {(one.row, one.column): one.figure.value for one in drawn.cells}
    assert figures["a", "z"] == 0.3 and len(figures) == 7  # c is of z alone


def test_two_data_sets_of_a_headline_have_none_and_others_are_left_out() -> None:
    assert list(map_data_sets([column("accuracy")], THREE[:4])) == []
    four = [*THREE, *rows("w", [("a", -2.0)])]
    columns = [column("accuracy", ("x", "y", "z")), column("r²", ("w",))]
    (drawn,) = map_data_sets(columns, four)
    assert drawn.columns == ("x", "y", "z")


def test_what_is_no_number_is_on_no_square() -> None:
    (drawn,) = map_data_sets([column("mase")], [*THREE, *rows("w", [("a", float("nan"))])])
    assert drawn.columns == ("x", "y", "z")


RECIPES = ("slow", "fast", "two")  # as the suite names them


def of_recipes(*found: tuple[str, str, float]) -> list[Row]:
    """Return rows of one data set under several recipes: the best first."""
    ordered = sorted(found, key=lambda one: -one[2])
    return [
        replace(rows("x", [(name, value)])[0], recipe=recipe, series=f"{name} {recipe}")
        for name, recipe, value in ordered
    ]


def test_architectures_stand_by_recipe_where_there_are_three() -> None:
    """Best by its mean place, not by its best figure; a floor has no recipe of its own and is no architecture."""
    found = of_recipes(
        ("batch", "fast", 0.9), ("none", "fast", 0.1), ("batch", "slow", 0.8), ("none", "slow", 0.7),
        ("batch", "two", 0.6), ("none", "two", 0.95),
    )  # fmt: skip
    floor = replace(found[0], architecture="linear", series="linear", floor=True)
    (drawn,) = map_recipes([column("accuracy")], [*found, floor], RECIPES)
    assert (drawn.title, drawn.dataset) == ("Accuracy by recipe", "x")
    assert (drawn.rows, drawn.columns) == (("batch", "none"), RECIPES)
    assert [one.figure.value for one in drawn.cells] == [0.8, 0.9, 0.6, 0.7, 0.1, 0.95]
    assert list(map_recipes([column("accuracy")], found[:2], RECIPES)) == []
    twice = [*found, *(replace(row, precision="bf16") for row in found)]
    assert list(map_recipes([column("accuracy")], twice, RECIPES)) == []
