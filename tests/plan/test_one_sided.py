"""What is said of a switch that changes one of two recipes that claims compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.execute.forecast import forecast
from harness.plan.one_sided import one_sided
from harness.plan.reader import load_suite

SUITE = {
    "suite": {"name": "s"},
    "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"]},
    "recipes": {"long": {"epochs": 9}, "short": {"epochs": 9}},
    "measure": [{"name": "accuracy"}],
    "claim": [
        {"expect": "accuracy(mlp; recipe=long) > accuracy(mlp; recipe=short)"},
        {"expect": "accuracy(mlp; recipe=short) > accuracy(lenet; recipe=long)"},
        {"expect": "accuracy(mlp) > accuracy(lenet)", "where": {"recipe": "long"}},
        {"expect": "accuracy(mlp; recipe=short) > 0.5"},
    ],
}
SAID = "--set recipes.long.epochs=2 changes long, and 2 claims compare it with a recipe that stays as it is; --set 'recipes.*.epochs=2' changes all"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], []),
        (["recipes.long.epochs=2"], [SAID]),
        (["recipes.*.epochs=2"], []),
        (["recipes.long.epochs=2", "recipes.short.epochs=3"], []),
        (["suite.data_seed=1", "measure.accuracy.batch_size=8"], []),
    ],
)
def test_a_recipe_that_alone_is_changed_is_told(
    catalogue: Catalogue, settings: list[str], said: list[str]
) -> None:
    assert list(one_sided(load_suite(SUITE, catalogue, settings=settings))) == said


def test_other_axes_of_a_recipe_are_no_other_recipe(catalogue: Catalogue) -> None:
    recipes = {"plain": {"epochs": 9, "batch_size": [8, 16]}}
    claim = {
        "expect": "accuracy(mlp; recipe=plain batch_size=8) > accuracy(mlp; recipe=plain batch_size=16)"
    }
    suite = SUITE | {"recipes": recipes, "claim": [claim]}
    read = load_suite(suite, catalogue, settings=["recipes.plain.epochs=2"])
    assert len(read.recipes) == 2 and not list(one_sided(read))


def test_a_plan_says_it(catalogue: Catalogue, tmp_path: Path) -> None:
    suite = load_suite(SUITE, catalogue, settings=["recipes.long.epochs=2"])
    found = forecast(suite, catalogue, tmp_path / "none")
    assert SAID in found.to_text(show_jobs=False).splitlines()
    assert found.to_json()["cautions"] == [SAID]
