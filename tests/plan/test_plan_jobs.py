"""Which jobs a suite needs, in which order, and which measures of them make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plan_counts import kind, kinds, skips

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError
from harness.machine.devices import cpu_count
from harness.plan.jobs import ASKED_SECONDS, Plan
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite


def check_order(plan: Plan) -> None:
    seen: set[str] = set()
    for job in plan.jobs:
        if not job.skip:
            assert seen.issuperset(job.needs), job.label
        assert job.fingerprint not in seen
        seen.add(job.fingerprint)


def test_the_jobs_of_a_small_suite(planned, small: dict[str, Any]) -> None:
    plan = planned(small)
    # digits and its blurred copy; 2 architectures, 2 seeds; throughput needs no weights
    assert kinds(plan) == {
        "prepare": 2,
        "fit": 4,
        "accuracy": 4,
        "adversarial": 4,
        "shift": 4,
        "throughput": 2,
    }
    assert (plan.suite, plan.trials, skips(plan)) == ("small", 4, {})
    check_order(plan)


def test_what_a_job_needs(planned, small: dict[str, Any]) -> None:
    plan = planned(small)
    by_label = {job.label: job for job in plan.jobs}

    def needs(label: str) -> set[str]:
        found = {job.fingerprint: job.label for job in plan.jobs}
        return {found[need] for need in by_label[label].needs}

    assert needs("prepare digits") == set()
    assert needs("prepare digits blur@1") == {"prepare digits"}
    assert needs("fit mlp#0 digits") == {"prepare digits"}
    assert needs("accuracy mlp#0 digits") == {"prepare digits", "fit mlp#0 digits"}
    assert needs("throughput mlp digits") == {"prepare digits"}
    assert needs("shift lenet#1 digits") == {
        "prepare digits",
        "prepare digits blur@1",
        "fit lenet#1 digits",
    }


@pytest.mark.parametrize("name", ["quick", "robustness"])
def test_needs_come_before_what_needs_them(planned, name: str) -> None:
    check_order(planned(name))


def test_jobs_that_time_or_weigh_run_alone_on_all_cores(planned, small: dict[str, Any]) -> None:
    small["measure"].append({"name": "memory"})
    plan = planned(small)
    alone = {kind(job) for job in plan.jobs if job.exclusive}
    assert alone == {"throughput", "memory"}
    assert {job.threads for job in plan.jobs if job.exclusive} == {cpu_count()}
    assert {job.threads for job in plan.jobs if not job.exclusive} == {1}
    plan = planned(small, "hardware.threads=2", "hardware.exclusive_threads=3")
    assert {(job.exclusive, job.threads) for job in plan.jobs if job.sort != "prepare"} == {
        (True, 3),
        (False, 2),
    }


def test_no_fit_where_no_measure_needs_one(planned, small: dict[str, Any]) -> None:
    small["measure"] = [{"name": "throughput"}, {"name": "flops"}]
    small["recipes"]["other"] = {"learning_rate": "search"}
    plan = planned(small)
    assert kinds(plan) == {"prepare": 1, "throughput": 2, "flops": 2}
    assert plan.trials == 0


def test_a_search_is_done_once_for_all_seeds(planned, small: dict[str, Any]) -> None:
    plan = planned(small, "recipes.plain.learning_rate=search")
    assert kinds(plan)["search"] == 2 * 5
    searches: dict[str, list[str]] = {}
    for job in plan.jobs:
        if kind(job) == "search":
            searches.setdefault(job.axes["architecture"], []).append(job.fingerprint)
    for fit in (job for job in plan.jobs if kind(job) == "fit"):
        search = searches[fit.axes["architecture"]]
        assert {*search} <= {*fit.needs}
        assert fit.spec["searched"] == search
    check_order(plan)


def test_seeds_recipes_and_precisions_are_axes(planned, small: dict[str, Any]) -> None:
    small["matrix"]["precision"] = ["fp32", "bf16"]
    small["recipes"]["long"] = {"epochs": 9}
    plan = planned(small)
    assert plan.trials == 2 * 2 * 2 * 2
    assert kinds(plan)["throughput"] == 4
    labels = {job.label for job in plan.jobs}
    assert "fit mlp#1 digits bf16 long" in labels
    assert "throughput lenet digits bf16" in labels
    assert len(labels) == len(plan.jobs)


def test_two_recipes_that_come_to_the_same_are_one_trial(planned, small: dict[str, Any]) -> None:
    small["recipes"]["again"] = dict(small["recipes"]["plain"])
    assert planned(small).trials == 4
    small["recipes"]["again"]["for"] = {"mlp": {"epochs": 7}}
    plan = planned(small)
    assert plan.trials == 6
    assert "fit mlp#0 digits again" in {job.label for job in plan.jobs}


def test_the_objective_is_the_problems_own(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["digits", "diabetes"]}
    plan = planned(small)
    objectives = {
        job.axes["dataset"]: job.spec["training"]["objective"]["name"]
        for job in plan.jobs
        if kind(job) == "fit"
    }
    assert objectives == {"digits": "cross-entropy", "diabetes": "squared-error"}


def test_an_architecture_that_cannot_take_the_data(planned, small: dict[str, Any]) -> None:
    small["matrix"]["datasets"] = ["breast_cancer"]
    small["matrix"]["seeds"] = [0]
    plan = planned(small)
    reason = (
        "lenet takes image and breast_cancer is table; it cannot be adapted; these do: linear, mlp"
    )
    assert {label: why for label, why in skips(plan).items() if "lenet" in label} == {
        "fit lenet#0 breast_cancer": reason,
        "throughput lenet breast_cancer": reason,
    }
    assert plan.trials == 2


def test_nothing_is_prepared_for_nobody(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["lenet"], "datasets": ["breast_cancer"]}
    plan = planned(small)
    assert kinds(plan) == {}
    assert all("cannot be adapted" in reason for reason in skips(plan).values())


def test_shifts_that_are_not_for_tables_are_left_out(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer"], "seeds": [0]}
    small["measure"] = [
        {"name": "shift", "shifts": ["gaussian_noise", "blur", "rotate"], "severities": [1, 2]}
    ]
    plan = planned(small)
    assert skips(plan) == {
        "shift mlp breast_cancer: blur, rotate": "blur, rotate are not for tables"
    }
    [shift] = [job for job in plan.jobs if kind(job) == "shift" and not job.skip]
    assert shift.spec["measure"]["options"]["shifts"] == ["gaussian_noise"]
    assert set(shift.spec["corrupted"]) == {"gaussian_noise@1", "gaussian_noise@2"}
    assert kinds(plan) == {"prepare": 3, "fit": 1, "shift": 1}


def test_of_data_that_no_model_goes_with_nothing_is_made_ready(planned) -> None:
    suite = {
        "suite": {"name": "s"},
        "matrix": {
            "architectures": ["fcos"],
            "datasets": ["digits", "digits_on_textures:problem=detection"],
        },
        "measure": [{"name": "accuracy"}],
    }
    plan = planned(suite)
    assert skips(plan)["floors digits"] == "all models of the suite are skipped on digits"
    assert [job.label for job in plan.jobs if not job.skip] == [
        "prepare digits_on_textures:problem=detection",
        "floors digits_on_textures:problem=detection",
        "fit fcos#0 digits_on_textures:problem=detection",
        "accuracy fcos#0 digits_on_textures:problem=detection",
    ]
    suite["matrix"] |= {"architectures": ["fcos", "mlp"], "datasets": ["digits"]}
    assert "floors digits" not in skips(planned(suite))
    suite["measure"] = [{"name": "floors"}]  # which is all that is asked for
    assert [job.label for job in planned(suite).jobs] == ["prepare digits", "floors digits"]


def test_many_shifts_that_are_left_out_are_named_once(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer"], "seeds": [0]}
    small["measure"] = [{"name": "shift", "shifts": ["imagenet-c", "missing_cells"]}]
    [(label, why)] = skips(planned(small)).items()
    assert label.count(",") == 4 and label.endswith(" and 9 more")
    assert why.count(",") == 13 and why.endswith(" are not for tables")


def test_a_measure_that_asks_for_no_shift_by_itself_is_taken_without(planned, small) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer"], "seeds": [0]}
    small["measure"] = [
        {"name": "uncertainty", "shifts": ["blur"]},
        {"name": "ood", "shifts": ["blur", "gaussian_noise"], "severities": [1]},
        {"name": "ood", "shifts": ["blur"], "made": []},
    ]
    plan = planned(small)
    found = {
        job.axes["measure"]: job for job in plan.jobs if job.sort == "measure" and not job.skip
    }
    shifts = [job.spec["measure"]["options"]["shifts"] for job in found.values()]
    assert shifts == [[], ["gaussian_noise"]]
    assert sorted(skips(plan).values()) == [
        "blur is not for tables",
        "blur is not for tables",
        "ood (blur) is not for tables",
    ]


def test_the_files_of_a_data_set_that_a_measure_names_are_looked_at(
    planned, small: dict[str, Any], tmp_path: Path
) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["digits"], "seeds": [0]}
    path = tmp_path / "letters.npz"
    small["measure"] = [{"name": "accuracy"}, {"name": "ood", "datasets": [f"npz:path={path}"]}]
    with pytest.raises(ProblemsError) as caught:
        planned(small)
    [problem] = caught.value.problems
    assert f"{path} does not exist; a file or a folder is needed" in problem.message
    found = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        found.append({kind(job): job.fingerprint for job in planned(small).jobs})
    before, after = found
    # The last job that prepares makes letters ready for `ood`; the data and the fit stay.
    assert [name for name in before if before[name] != after[name]] == ["prepare", "ood"]


def test_no_fit_where_every_measure_is_skipped(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer", "diabetes"]}
    small["measure"] = [
        {"name": "shift", "shifts": ["blur"]},
        {"name": "adversarial", "attacks": ["fgsm"]},
    ]
    plan = planned(small)
    assert skips(plan) == {
        "shift mlp breast_cancer": "shift (blur) is not for tables",
        "shift mlp diabetes": "shift (blur) is not for tables",
        "adversarial mlp diabetes": "adversarial is for classification or segmentation or detection, not regression",
    }
    fits = [job for job in plan.jobs if kind(job) == "fit"]
    assert {job.axes["dataset"] for job in fits} == {"breast_cancer"}
    assert plan.trials == 2


def test_labels_tell_measures_of_one_name_apart(planned, small: dict[str, Any]) -> None:
    small["measure"].append({"name": "adversarial", "norm": "l2"})
    plan = planned(small)
    names = {kind(job) for job in plan.jobs if kind(job).startswith("adversarial")}
    assert names == {"adversarial:epsilons=[1/16]", "adversarial:norm=l2"}


def test_a_job_is_plain_json(planned) -> None:
    import json

    for job in planned("quick").jobs:
        assert json.loads(json.dumps(job.spec)) == job.spec
        assert json.loads(json.dumps(job.axes)) == job.axes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1),  # as a matter of course, once a data set
        ({"measure": [{"name": "throughput"}]}, 0),  # nothing is judged
        (
            {"recipes": {"plain": {"epochs": 0, "weights": "w.safetensors"}}},
            0,
        ),  # nothing is trained
        ({"measure": [{"name": "accuracy"}, {"name": "floors", "models": ["linear"]}]}, 1),
        ({"measure": [{"name": "floors"}]}, 1),
        ({"floors": False}, 0),
        ({"floors": False, "measure": [{"name": "accuracy"}, {"name": "floors"}]}, 1),
    ],
)
def test_floors_are_measured_once_a_data_set(
    planned, small: dict[str, Any], tmp_path, monkeypatch, changes, expected
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.safetensors").write_bytes(b"\0" * 8)
    small["matrix"]["floors"] = changes.pop("floors", True)
    found = [job for job in planned(small | changes).jobs if kind(job) == "floors"]
    assert len(found) == expected
    for job in found:
        assert job.axes == {"dataset": "digits", "measure": "floors"} and len(job.needs) == 1
        assert job.device == "cpu" and not job.skip and not job.exclusive


def test_a_job_says_for_how_long_its_options_have_calls_timed(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    measures = [
        {"name": "throughput", "seconds": 20, "batch_sizes": [1, 8, 64]},
        {"name": "energy", "seconds": 30},
        {"name": "flops"},
    ]
    plan = make_plan(load_suite({**small, "measure": measures}, catalogue), catalogue)
    asked = {
        job.axes["measure"]: job.spec.get(ASKED_SECONDS)
        for job in plan.jobs
        if job.sort == "measure"
    }
    assert asked == {"throughput": 60.0, "energy": 32.0, "flops": None}


def test_measures_are_told_which_training_examples_a_model_has_seen(
    planned: Any, small: dict[str, Any]
) -> None:
    small["recipes"]["plain"] = {"epochs": 2, "train_share": [0.5, 1]}
    told = {
        (job.axes["recipe"], job.axes["seed"]): job.spec.get("training_share")
        for job in planned(small).jobs
        if job.sort == "measure" and "seed" in job.axes
    }
    assert all(
        share == ({"share": 0.5, "seed": seed} if "train_share" in recipe else None)
        for (recipe, seed), share in told.items()
    )
    assert {recipe for recipe, _ in told} == {"plain", "plain train_share=0.5"}
