"""What switches change in a suite, and what is said of those that cannot."""

from __future__ import annotations

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError, UsageError
from harness.plan.reader import load_suite
from harness.plan.source import Source

SUITE = {
    "suite": {"name": "s"},
    "matrix": {"architectures": ["mlp", "vit"], "datasets": ["digits"]},
    "recipes": {
        "long": {"epochs": 9, "for": {"vit*": {"epochs": 20}, "mlp": {"batch_size": 8}}},
        "at 1/16": {"epochs": 9},
        "größer": {"epochs": 9},
    },
    "measure": [{"name": "accuracy"}, {"name": "shift", "severities": [1]}],
}


def test_a_star_is_every_table_that_the_suite_has_there() -> None:
    source = Source.from_table(SUITE)
    source.override("recipes.*.epochs=3")
    source.override("recipes.*.for.*.epochs = 4")
    source.override("measure.*.batch_size=16")
    assert source.tables["recipes"] == {
        "long": {
            "epochs": 3,
            "for": {"vit*": {"epochs": 4}, "mlp": {"batch_size": 8, "epochs": 4}},
        },
        "at 1/16": {"epochs": 3},
        "größer": {"epochs": 3},
    }
    assert [one["batch_size"] for one in source.tables["measure"]] == [16, 16]
    assert (
        source.problem(("recipes", "at 1/16", "epochs"), "no").where == "--set recipes.*.epochs=3"
    )
    source.override("measure.shift.severities=[5]")
    assert source.tables["measure"][1]["severities"] == [5]


@pytest.mark.parametrize(
    "setting",
    [
        *("matrix.*.x=1", "nothing.*.x=1", "measure.shift.*.x=1"),
        "matrix.datasets.*.x=1",
    ],
)
def test_a_star_without_a_table_is_refused(setting: str) -> None:
    source = Source.from_table(SUITE | {"suite": "s", "measure": [{"name": "shift"}]})
    with pytest.raises(UsageError) as caught:
        source.override(setting)
    assert str(caught.value).startswith(f"--set {setting}: the suite has no table at the *")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("epochs", "write key=value"),
        ("=3", "write key=value"),
        ("recipes.plain.for.vit*.epochs=3", "stands in quotes"),
        ("measure.acc.batch_size=3", "no measure is named 'acc'"),
        ("measure.accuracy=3", "name a key of it, such as measure.accuracy.key=value"),
        (r'recipes."a\q".*.epochs=3', "is no dotted key"),
    ],
)
def test_a_setting_that_is_none_is_refused(catalogue: Catalogue, setting: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_suite("quick", catalogue, settings=[setting])
    assert str(caught.value).startswith(f"--set {setting}: ")
    assert says in str(caught.value)


def test_a_new_recipe_is_written_whole_and_a_slip_is_refused(catalogue: Catalogue) -> None:
    suite = {
        "suite": {"name": "s"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}],
    }
    with pytest.raises(UsageError) as caught:
        load_suite(suite, catalogue, settings=["recipes.plane.epochs=3"])
    assert str(caught.value) == (
        "--set recipes.plane.epochs=3: no recipe is named 'plane', and a new one is written whole, such as "
        "--set 'recipes.plane={epochs=3}'; did you mean 'plain'?"
    )
    read = load_suite(suite, catalogue, settings=["recipes.plane={epochs=3}"])
    assert [recipe.name for recipe in read.recipes] == ["plain", "plane"]


def test_a_setting_that_means_two_measures_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match=r"write measure\.1 or measure\.2"):
        load_suite("robustness", catalogue, settings=["measure.adversarial.examples=3"])


@pytest.mark.parametrize(
    ("setting", "key", "says"),
    [
        ("recipes.plain.epoch=3", "recipes.plain.epoch", "did you mean 'epochs'?"),
        ("recipes.plan.epochs=3", "recipes.plan", "no recipe 'plan' is used; did you mean"),
        ("matrix.seeds=x", "matrix.seeds", "a list is allowed; got 'x'"),
        ("measure.0.batch=3", "measure.accuracy.batch", "has no option 'batch'"),
        ("suite.name.x=3", "suite.name", "a text is allowed; got {'x': 3}"),
    ],
)
def test_a_problem_that_a_switch_made_names_the_switch(
    catalogue: Catalogue, setting: str, key: str, says: str
) -> None:
    with pytest.raises(ProblemsError) as caught:
        load_suite("quick", catalogue, settings=[setting])
    [problem] = caught.value.problems
    assert (problem.where, problem.line, problem.key) == (f"--set {setting}", None, key)
    assert says in problem.message


def test_a_problem_of_the_matrix_names_its_switch(catalogue: Catalogue) -> None:
    matrix = {"architectures": ["mlpp"], "datasets": ["./nothing"], "seeds": [-1]}
    with pytest.raises(ProblemsError) as caught:
        load_suite("quick", catalogue, matrix=matrix)
    assert {problem.where for problem in caught.value.problems} == {"-a", "-d", "--seed"}
