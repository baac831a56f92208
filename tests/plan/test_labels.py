"""What a suite calls its items: shown and matched everywhere, in the fingerprint of nothing that does not say it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError
from harness.plan.names import choose
from harness.plan.reader import load_suite

DEEP = {"name": "mlp", "depth": 4, "activation": "tanh"}
SPELLED = "mlp:depth=4,activation=tanh"


def problems(suite: dict[str, Any], catalogue: Catalogue) -> str:
    with pytest.raises(ProblemsError) as caught:
        load_suite(suite, catalogue)
    return str(caught.value)


def labelled(small: dict[str, Any], deep: str = "deep one", pen: str = "pen") -> dict[str, Any]:
    small["matrix"]["architectures"] = ["lenet", DEEP | {"as": deep}]
    small["matrix"]["datasets"] = [f"digits:as={pen}"]
    small["recipes"]["pupil"] = {
        "epochs": 2,
        "objective": "distillation",
        "teacher": {"architecture": deep, "recipe": "plain"},
        "for": {deep: {"epochs": 3}},
    }
    compared = {"reference": deep, "reference_recipe": "plain"}
    small["measure"].append({"name": "mce", **compared})
    small["claim"] = [{"expect": f"accuracy({deep}; recipe=plain) > accuracy(lenet) + 0.1"}]
    return small


def test_a_table_and_a_name_say_the_same(catalogue: Catalogue) -> None:
    (table,) = choose(catalogue, "architecture", DEEP | {"as": "deep one"})
    (name,) = choose(catalogue, "architecture", f"{SPELLED},as=deep one")
    (plain,) = choose(catalogue, "architecture", SPELLED)
    assert table == name
    assert (table.label, table.spelled, table.name) == ("deep one", SPELLED, "mlp")
    assert plain.spelled == plain.label == SPELLED and plain.options == table.options


def test_a_label_stands_wherever_an_item_is_named(
    planned: Any, catalogue: Catalogue, small: dict[str, Any]
) -> None:
    plan = planned(labelled(small))
    labels = {job.label for job in plan.jobs}
    assert {
        "prepare pen",
        "fit deep one#0 pen plain",
        "fit lenet#1 pen pupil, taught by deep one plain",
        "mce pen#0",
    } <= labels
    fits = {job.label: job.spec["training"]["epochs"] for job in plan.jobs if job.sort == "fit"}
    assert fits["fit deep one#0 pen pupil, taught by deep one plain"] == 3
    assert fits["fit lenet#0 pen pupil, taught by deep one plain"] == 2
    assert plan.labels == {"deep one": SPELLED, "pen": "digits"}
    suite = load_suite(small, catalogue)
    for pattern in ("deep*", "deep one", "mlp", SPELLED):
        assert [one.label for one in suite.only([pattern]).architectures] == ["deep one"]
    small["matrix"]["architectures"].append("!deep*")
    del small["recipes"]["pupil"], small["claim"]
    small["measure"].pop()
    assert [one.label for one in load_suite(small, catalogue).architectures] == ["lenet"]


def test_a_new_label_is_in_no_fingerprint_but_of_comparisons(
    planned: Any, small: dict[str, Any]
) -> None:
    def prints(*labels: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for job in planned(labelled(small, *labels)).jobs:
            found.setdefault(str(job.axes.get("measure", job.sort)), []).append(job.fingerprint)
        small["measure"].pop()
        return found

    before, after = prints(), prints("anders", "ink")
    changed = {key for key in before if sorted(before[key]) != sorted(after[key])}
    assert changed == {"mce"}  # its words name the models


def test_a_reference_may_be_told_by_its_name_too(planned: Any, small: dict[str, Any]) -> None:
    suite = labelled(small)
    suite["measure"][-1]["reference"] = SPELLED
    suite["recipes"]["pupil"]["teacher"]["architecture"] = DEEP
    labels = {job.label for job in planned(suite).jobs if not job.skip}
    assert {"mce pen#0", "fit lenet#1 pen pupil, taught by deep one plain"} <= labels


def test_optimizers_name_their_recipes(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["recipes"]["plain"]["optimizer"] = [
        {"name": "sgd", "momentum": 0.0, "as": "without momentum"},
        "sgd",
        "sgd:as=usual",
    ]
    names = [recipe.name for recipe in load_suite(small, catalogue).recipes]
    assert names == ["plain without momentum", "plain usual"]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (["mlp:as=x", "lenet:as=x"], "mlp and lenet are both called 'x'"),
        (["mlp:as=x", "mlp:as=y"], "mlp is called 'x' and 'y'; leave one out"),
        (["mlp:as=lenet"], "'lenet': that is the name of another architecture"),
        (["mlp:as=bigram"], "'bigram': a floor has that row"),
        (["mlp:depth=[2,3],as=x"], "a label is for one of them, and here are 2 architectures"),
        (["mlp:as=../x"], "up to 60 letters, digits, spaces"),
        (["mlp:as='x '"], "up to 60 letters, digits, spaces"),
        (["mlp:as=3"], "in quotes where they would read as a number"),
        ([{"name": "mlp", "as": "a" * 61}], "up to 60 letters"),
        ([{"name": "mlp", "as": "<b>"}], "up to 60 letters"),
        ([{"name": "mlp", "as": ["a", "b"]}], "up to 60 letters"),
    ],
)
def test_labels_that_are_refused(
    catalogue: Catalogue, small: dict[str, Any], written: list[Any], says: str
) -> None:
    small["matrix"]["architectures"] = written
    assert says in problems(small, catalogue)


def test_labels_are_of_what_is_compared(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["measure"][0]["as"] = "x"
    small["recipes"]["plain"]["schedule"] = "constant:as=x"
    small["measure"][2]["attacks"] = ["pgd:as=x"]
    said = problems(small, catalogue)
    assert "recipes.plain.schedule: as = 'x': only what a suite compares can be" in said
    assert said.count("only what a suite compares") == 3


def test_a_label_takes_the_place_of_the_same_item(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    for written in (["lenet", "lenet:as=x"], ["lenet:as=x", "lenet"]):
        small["matrix"]["architectures"] = written
        assert [one.label for one in load_suite(small, catalogue).architectures] == ["x"]


def test_a_point_of_a_recipe_and_another_recipe_are_told_apart(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    labelled_one = {"optimizer": ["adamw", {"name": "sgd", "as": "slow"}], "epochs": 1}
    small["recipes"] = {"p": labelled_one, "p slow": {"epochs": 2}}
    assert r"a point of [recipes.p] is called 'p slow', too" in problems(small, catalogue)
