"""Measures that compare: one job for all fits of a data set with one seed, precision and device."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.catalogue.host import Host, PluginChoice
from harness.machine.devices import gpus
from harness.plan.estimate import Likely
from harness.plan.jobs import SHARES, Job, Plan, also_recipes
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

Planning = Callable[..., Plan]

PLUGIN = """
from harness.api import Measure, Metric, hookimpl

def run(context):
    yield Metric(name="models", value=len(context.fits), exact=True)

@hookimpl
def harness_register_measures():
    every = ("image", "sequence", "table")
    for name, over in {
        "over_seeds": ("seed",),
        "over_architectures": ("architecture",),
        "over_recipes": ("recipe",),
        "over_all": ("architecture", "recipe", "seed"),
    }.items():
        yield Measure(name=name, takes=every, run=run, over=over)
    yield Measure(
        name="spread", takes=every, run=run, over=("architecture", "recipe"), problems=("classification",)
    )
    yield Measure(
        name="still",
        run=run,
        over=("architecture", "recipe"),
        problems=("classification", "regression"),
        takes=("image",),
    )
    for name, ranks in {"shares": False, "forks": True}.items():
        yield Measure(name=name, takes=every, run=run, shares_process=True, in_ranks=ranks)
"""


@pytest.fixture
def compared(tmp_path: Path) -> Iterator[Planning]:
    """Plan a suite of two architectures and two seeds, whose only measure compares."""
    path = tmp_path / "comparing_plugin.py"
    path.write_text(PLUGIN)
    catalogue = Host(PluginChoice((str(path),))).require_usable()

    def plan(*settings: str, measures: tuple[str, ...] = ("spread",), **matrix: Any) -> Plan:
        suite = {
            "suite": {"name": "compared"},
            "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"], "seeds": [0, 1]}
            | matrix,
            "recipes": {"plain": {"epochs": 2}},
            "measure": [{"name": name} for name in measures],
        }
        return make_plan(load_suite(suite, catalogue, settings=settings), catalogue)

    yield plan
    sys.modules.pop("comparing_plugin", None)


def comparisons(plan: Plan, name: str = "spread") -> list[Job]:
    return [job for job in plan.jobs if job.axes.get("measure") == name]


def labels_of(plan: Plan, fingerprints: tuple[str, ...]) -> list[str]:
    labels = {job.fingerprint: job.label for job in plan.jobs}
    return [labels[one] for one in fingerprints]


def test_a_job_for_each_seed_needs_all_fits_of_it(compared: Planning) -> None:
    plan = compared()
    first, second = comparisons(plan)
    assert (first.label, second.label) == ("spread digits#0", "spread digits#1")
    assert labels_of(plan, second.needs) == [
        "prepare digits",
        "fit lenet#1 digits",
        "fit mlp#1 digits",
    ]
    assert second.axes == {
        "dataset": "digits",
        "precision": "fp32",
        "device": first.device,
        "seed": 1,
        "measure": "spread",
    }
    assert [one["label"] for one in second.spec["fits"]] == ["lenet", "mlp"]
    assert {one["recipe"] for one in second.spec["fits"]} == {""}
    assert json.loads(json.dumps(second.spec)) == second.spec
    assert plan.trials == 4  # fits are made for it, though no other measure needs them
    assert plan.jobs[-2:] == (first, second)


def test_a_fit_that_several_recipes_come_to_knows_all_of_them(compared: Planning) -> None:
    shares = "recipes.shares={epochs=2,train_share=[0.5,1.0]}"
    fits = next(job.spec["fits"] for job in comparisons(compared(shares)))
    found = {(one["label"], one["recipe"]): one["whole_recipes"] for one in fits}
    assert found["mlp", "plain"] == ["plain", "shares"]
    assert found["mlp", "shares train_share=0.5"] == ["shares"] and len(found) == 4
    alone = "recipes.shares={epochs=2,train_share=[0.5]}"
    (first, _), (other, _) = (comparisons(compared(one)) for one in (shares, alone))
    assert first.needs == other.needs and first.fingerprint != other.fingerprint


OVER = {
    "over_seeds": {
        "over_seeds lenet digits plain": ["fit lenet#0 digits plain", "fit lenet#1 digits plain"],
        "over_seeds mlp digits long": ["fit mlp#0 digits long", "fit mlp#1 digits long"],
        "over_seeds mlp digits plain": ["fit mlp#0 digits plain", "fit mlp#1 digits plain"],
    },
    "over_architectures": {
        "over_architectures digits#0 plain": ["fit lenet#0 digits plain", "fit mlp#0 digits plain"],
        "over_architectures digits#1 plain": ["fit lenet#1 digits plain", "fit mlp#1 digits plain"],
    },
    "over_recipes": {
        "over_recipes mlp#0 digits": ["fit mlp#0 digits long", "fit mlp#0 digits plain"],
        "over_recipes mlp#1 digits": ["fit mlp#1 digits long", "fit mlp#1 digits plain"],
    },
    "over_all": {
        "over_all digits": [
            "fit lenet#0 digits plain",
            "fit lenet#1 digits plain",
            "fit mlp#0 digits long",
            "fit mlp#1 digits long",
            "fit mlp#0 digits plain",
            "fit mlp#1 digits plain",
        ]
    },
}


@pytest.mark.parametrize("name", OVER)
def test_a_measure_says_over_what_it_ranges(compared: Planning, name: str) -> None:
    recipes = "recipes.long.epochs=3", 'recipes.long.for."lenet".epochs=2'  # there like "plain"
    plan = compared(*recipes, measures=(name,))
    jobs = comparisons(plan, name)
    found = {job.label: labels_of(plan, job.needs)[1:] for job in jobs if not job.skip}
    assert found == OVER[name]
    skipped = {job.label for job in jobs if job.skip}
    alone = {"over_recipes lenet#0 digits", "over_recipes lenet#1 digits"}
    assert (
        skipped
        == {
            "over_seeds": set(),
            "over_architectures": {
                "over_architectures digits#0 long",
                "over_architectures digits#1 long",
            },
            "over_recipes": alone,
            "over_all": set(),
        }[name]
    )


def test_what_a_range_has_in_common_is_in_its_axes(compared: Planning) -> None:
    job = comparisons(compared(measures=("over_seeds",)), "over_seeds")[0]
    common = {"architecture": "mlp", "recipe": "plain", "dataset": "digits"}
    assert common.items() <= job.axes.items() and "seed" not in job.axes
    assert [one["seed"] for one in job.spec["fits"]] == [0, 1]


def test_all_recipes_are_in_it_and_each_fit_once(compared: Planning) -> None:
    plan = compared("recipes.long.epochs=3", 'recipes.long.for."lenet".epochs=2')
    first, _ = comparisons(plan)
    assert [(one["label"], one["recipe"]) for one in first.spec["fits"]] == [
        ("lenet", "plain"),  # "long" comes to the same there
        ("mlp", "long"),
        ("mlp", "plain"),
    ]
    of_both = {job.label for job in plan.jobs if also_recipes(job.axes) == ["long"]}
    assert of_both == {"fit lenet#0 digits plain", "fit lenet#1 digits plain"}


def test_precisions_and_data_sets_are_compared_apart(compared: Planning) -> None:
    plan = compared(datasets=["digits", "breast_cancer"], precision=["fp32", "bf16"], seeds=[3])
    labels = {job.label: labels_of(plan, job.needs) for job in comparisons(plan) if not job.skip}
    assert labels == {
        f"spread digits#3 {precision}": [
            "prepare digits",
            f"fit lenet#3 digits {precision}",
            f"fit mlp#3 digits {precision}",
        ]
        for precision in ("fp32", "bf16")
    }


def test_what_cannot_be_fitted_is_left_out(compared: Planning) -> None:
    plan = compared(
        architectures=["lenet", "mlp", "mlp:depth=3"], datasets=["breast_cancer"], seeds=[0]
    )
    (job,) = comparisons(plan)
    assert labels_of(plan, job.needs)[1:] == [
        "fit mlp#0 breast_cancer",
        "fit mlp:depth=3#0 breast_cancer",
    ]


@pytest.mark.parametrize(
    ("architectures", "found"),
    [(["mlp"], "only one, 'fit mlp#0 breast_cancer'"), (["lenet"], "none")],
)
def test_one_model_is_not_compared_and_not_fitted_for_that(
    compared: Planning, architectures: list[str], found: str
) -> None:
    plan = compared(architectures=architectures, datasets=["breast_cancer"], seeds=[0])
    (job,) = comparisons(plan)
    assert job.skip == (
        f"it ranges over architectures and recipes of fitted models, and here is {found}"
    )
    assert [job.sort for job in plan.jobs if not job.skip] == []
    with_another = compared(
        architectures=architectures,
        datasets=["breast_cancer"],
        seeds=[0],
        measures=("spread", "accuracy"),
    )
    fits = [job.label for job in with_another.jobs if job.sort == "fit" and not job.skip]
    assert fits == (["fit mlp#0 breast_cancer"] if architectures == ["mlp"] else [])


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        (
            "mce",
            "AlexNet's published errors are of the 1000 classes of ImageNet, and this data has 10",
        ),
        ("effective_robustness", "over 5 baseline models or more, and here are 2; compare more"),
    ],
)
def test_what_cannot_be_compared_is_told_in_the_plan_and_no_copies_are_made_for_it(
    measure: str, says: str
) -> None:
    catalogue = Host().catalogue
    table = {
        "suite": {"name": "s"},
        "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}, {"name": measure}],
    }
    plan = make_plan(load_suite(table, catalogue), catalogue)
    (job,) = [job for job in plan.jobs if job.axes.get("measure") == measure]
    assert says in job.skip
    assert not any("shift" in job.axes for job in plan.jobs)


def test_where_it_makes_no_sense_there_is_one_job_that_says_so(compared: Planning) -> None:
    plan = compared(measures=("spread", "still"), architectures=["mlp"], datasets=["diabetes"])
    assert {job.label: job.skip for job in plan.jobs} == {
        "spread diabetes": "spread is for classification, not regression",
        "still diabetes": "still is not for tables",
    }
    assert plan.trials == 0


@pytest.mark.skipif(bool(gpus()), reason="there is a GPU here")
def test_a_precision_that_is_not_here_is_said_of_the_fits(compared: Planning) -> None:
    plan = compared(precision="fp16")
    assert {job.sort for job in plan.jobs} == {"fit"}
    assert all(job.skip.startswith("fp16 needs CUDA") for job in plan.jobs)


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        ({}, False),
        ({"seeds": [1, 0]}, False),
        ({"architectures": ["lenet", "mlp"]}, False),
        ({"architectures": ["lenet", "mlp", "gru"]}, True),
        ({"architectures": ["lenet", "mlp:depth=3"]}, True),
        ({"datasets": ["digits", "breast_cancer"]}, False),
    ],
)
def test_its_fingerprint_covers_its_fits(
    compared: Planning, change: dict[str, Any], changes: bool
) -> None:
    before = {job.label: job.fingerprint for job in comparisons(compared())}
    after = {job.label: job.fingerprint for job in comparisons(compared(**change))}
    assert all((after[label] != before[label]) == changes for label in before)


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("recipes.plain.epochs=3", True),
        ("recipes.plain.batch_size=32", True),
        ("suite.data_seed=1", True),
        ("suite.name=other", False),
        ("hardware.cpu_slots=7", False),
    ],
)
def test_how_its_models_are_trained_changes_it(
    compared: Planning, setting: str, changes: bool
) -> None:
    before = {job.fingerprint for job in comparisons(compared())}
    after = {job.fingerprint for job in comparisons(compared(setting))}
    assert len(before & after) == (0 if changes else 2)


def test_a_recipes_name_counts_where_it_is_in_the_metrics(compared: Planning) -> None:
    def prints(*recipes: str) -> set[str]:
        settings = (f"recipes.{name}.epochs={3 + k}" for k, name in enumerate(recipes))
        plan = compared(*settings, recipes=list(recipes))
        return {job.fingerprint for job in comparisons(plan)}

    assert prints("one") == prints("other")
    assert not prints("one", "two") & prints("one", "other")


def test_the_time_of_one_that_never_ran_grows_with_its_models(compared: Planning) -> None:
    estimate = Likely({})
    two = comparisons(compared())[0]
    four = comparisons(compared(architectures=["mlp", "lenet", "gru", "vit"]))[0]
    assert estimate(four) == pytest.approx(2 * estimate(two), rel=0.1)
    known = Likely({"spread digits#0": 9.0})
    assert known(two) == known(four) == pytest.approx(9.15)


def test_it_takes_what_a_measure_on_each_fit_has_kept_where_that_read_all_copies_that_it_reads() -> (
    None
):
    catalogue = Host().require_usable()

    def needs(*others: dict[str, object]) -> list[str]:
        suite = {
            "suite": {"name": "reading"},
            "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"]},
            "measure": [*others, {"name": "mce", "reference": "mlp"}],
        }
        plan = make_plan(load_suite(suite, catalogue), catalogue)
        [job] = comparisons(plan, "mce")
        found = labels_of(plan, job.needs)
        read = [one for one in found if one.startswith("shift")]
        by_fit = {one["label"]: one["kept"] for one in job.spec["fits"]}
        assert labels_of(plan, tuple(filter(None, by_fit.values()))) == read
        assert {"fit lenet#0 digits", "prepare digits fog@5"} <= set(found)
        return read

    every = [1, 2, 3, 4, 5]
    all_of_them = {"name": "shift", "shifts": ["imagenet-c*"], "severities": every}
    assert needs(all_of_them) == ["shift lenet#0 digits", "shift mlp#0 digits"]
    assert needs() == []
    assert needs({**all_of_them, "severities": [1, 5]}) == []
    assert needs({**all_of_them, "shifts": ["imagenet-c*:jpeg=85"]}) == []


def test_a_measure_that_forks_takes_its_process_from_no_other(compared: Planning) -> None:
    plan = compared(measures=("shares", "forks"))
    for name, shared in (("shares", True), ("forks", False)):
        assert {job.spec.get(SHARES, False) for job in comparisons(plan, name)} == {shared}
