"""Trials that start from the weights of other trials: of the same architecture and seed, on the same data or on others."""

from __future__ import annotations

from typing import Any

import pytest
from test_plan_jobs import check_order, skips

from harness.errors import ProblemsError

LOW, HIGH = (
    {"name": "digits", "classes": classes, "as": name}
    for name, classes in (("low", [0, 1, 2]), ("high", [3, 4]))
)


def started(small: dict[str, Any], **start: Any) -> dict[str, Any]:
    small["matrix"]["datasets"] = [HIGH, LOW]
    small["recipes"]["tuned"] = {
        "epochs": 2,
        "start": {"recipe": "plain", "dataset": "low", **start},
    }
    return small


def test_each_seed_starts_from_its_own_on_the_other_data(
    planned: Any, small: dict[str, Any]
) -> None:
    plan = planned(started(small))
    check_order(plan)
    fits = {job.label: job for job in plan.jobs if job.sort == "fit"}
    for seed in (0, 1):
        tuned = fits[f"fit mlp#{seed} high tuned, from plain on low"]
        before = fits[f"fit mlp#{seed} low plain"]
        assert tuned.spec["start"]["fit"] == before.fingerprint
        assert tuned.needs[-1] == before.fingerprint
        assert "start" not in before.spec
    skipped = {why for label, why in skips(plan).items() if label.startswith("fit mlp")}
    assert skipped == {"it starts from a fit on low, and these are the same data"}


def test_without_a_data_set_it_is_the_same_one(planned: Any, small: dict[str, Any]) -> None:
    plan = planned(started(small, dataset=""))
    labels = {job.label for job in plan.jobs if job.sort == "fit"}
    assert {f"fit mlp#0 {name} tuned, from plain" for name in ("low", "high")} <= labels
    assert skips(plan) == {}


def test_a_change_of_where_it_starts_is_another_fit(planned: Any, small: dict[str, Any]) -> None:
    def prints(*settings: str) -> dict[str, str]:
        return {job.label: job.fingerprint for job in planned(started(small), *settings).jobs}

    label = "fit mlp#0 high tuned, from plain on low"
    assert prints()[label] != prints("recipes.plain.epochs=3")[label]
    assert "search mlp#0 high tuned" in prints('recipes.tuned.learning_rate="search"')


def test_where_it_cannot_start(planned: Any, small: dict[str, Any]) -> None:
    for start, says in (
        ({"recipe": "plian"}, r"no recipe 'plian' is in the suite; did you mean 'plain'\?"),
        ({"dataset": "lo"}, r"no data set 'lo' is in the suite; did you mean 'low'"),
        ({"recipe": "tuned"}, "tuned needs another trial itself; name one that does not"),
    ):
        with pytest.raises(ProblemsError, match=says) as raised:
            planned(started(small, **start))
        assert "start" in str(raised.value)
    with pytest.raises(ProblemsError, match="leave one of them out"):
        planned(started(small), 'recipes.tuned.weights="pretrained"')
