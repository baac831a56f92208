"""Trials that learn from other trials: their teacher's fit is planned first, of the same seed, and is a need."""

from __future__ import annotations

from typing import Any

import pytest
from test_plan_jobs import check_order, skips

from harness.errors import ProblemsError
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite


def taught(small: dict[str, Any], **teacher: Any) -> dict[str, Any]:
    small["matrix"]["architectures"] = ["mlp", "mlp:depth=3", "lenet"]
    small["recipes"]["pupil"] = {
        "epochs": 2,
        "objective": "distillation",
        "teacher": {"architecture": "lenet", "recipe": "plain", **teacher},
    }
    return small


@pytest.mark.parametrize("first", ["plain", "pupil"])
def test_each_seed_learns_from_that_of_its_teacher(
    planned: Any, small: dict[str, Any], first: str
) -> None:
    suite = taught(small)
    suite["recipes"] = {first: suite["recipes"].pop(first), **suite["recipes"]}
    plan = planned(suite)
    check_order(plan)
    fits = {job.label: job for job in plan.jobs if job.sort == "fit"}
    assert len(fits) == 12 and skips(plan) == {}
    for seed in (0, 1):
        pupil = fits[f"fit mlp#{seed} digits pupil, taught by lenet plain"]
        teacher = fits[f"fit lenet#{seed} digits plain"]
        assert teacher.fingerprint in pupil.needs
        assert pupil.spec["teacher"] == {
            "fit": teacher.fingerprint,
            "architecture": teacher.spec["architecture"],
            "published": False,
        }
        assert "teacher" not in teacher.spec
    assert "fit lenet#0 digits pupil, taught by lenet plain" in fits  # itself, trained before


def test_a_pupil_is_another_one_where_its_teacher_is(planned: Any, small: dict[str, Any]) -> None:
    def prints(*settings: str) -> dict[str, str]:
        plan = planned(taught(small), *settings)
        return {job.label.split(",")[0]: job.fingerprint for job in plan.jobs if job.sort == "fit"}

    before, after = prints(), prints("recipes.plain.epochs=3")
    assert before["fit mlp#0 digits pupil"] != after["fit mlp#0 digits pupil"]
    searched = prints('recipes.pupil.learning_rate="search"')
    assert "search mlp#0 digits pupil" in searched


def test_a_teacher_that_only_leaves_out_is_told_so(small: dict[str, Any], catalogue: Any) -> None:
    suite = load_suite(taught(small), catalogue).only(["mlp"])
    with pytest.raises(
        ProblemsError, match="--only leaves out 'lenet', from which it learns; name it too"
    ):
        make_plan(suite, catalogue)


def test_what_cannot_teach(planned: Any, small: dict[str, Any]) -> None:
    for teacher, says in (
        ({"architecture": "resnet"}, "no architecture 'resnet' is in the suite"),
        ({"architecture": "lennet"}, "did you mean 'lenet' or"),
        ({"recipe": "plian"}, "no recipe 'plian' is in the suite; did you mean 'plain'?"),
        ({"recipe": "pupil"}, "lenet pupil learns from a teacher itself; name one that does not"),
    ):
        with pytest.raises(ProblemsError, match=says.replace("?", r"\?")) as raised:
            planned(taught(small, **teacher))
        assert "teacher" in str(raised.value)
    suite = taught(small)
    with pytest.raises(ProblemsError, match="the objective learns from none"):
        planned(suite, 'recipes.pupil.objective="cross-entropy"')
    del suite["recipes"]["pupil"]["teacher"]
    with pytest.raises(ProblemsError, match=r"it learns from a teacher; write teacher = \{"):
        planned(suite)


def test_a_pupil_whose_teacher_is_skipped_is_skipped(planned: Any, small: dict[str, Any]) -> None:
    suite = taught(small)
    suite["matrix"]["datasets"] = ["breast_cancer"]  # a table, which lenet cannot take
    reasons = {why for label, why in skips(planned(suite)).items() if "fit mlp" in label}
    (reason,) = reasons
    assert reason.startswith("its teacher lenet plain is not trained here: lenet takes image")
