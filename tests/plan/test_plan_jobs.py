"""Which jobs a suite needs, in which order, and which of them make no sense."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.errors import ProblemsError
from harness.machine.devices import cpu_count, gpus
from harness.plan.jobs import ASKED_SECONDS, Job, Plan
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

NO_GPU = pytest.mark.skipif(bool(gpus()), reason="there is a GPU here")


def kind(job: Job) -> str:
    return str(job.axes.get("measure", job.sort))


def kinds(plan: Plan, *, skipped: bool = False) -> dict[str, int]:
    return dict(Counter(kind(job) for job in plan.jobs if bool(job.skip) == skipped))


def skips(plan: Plan) -> dict[str, str]:
    return {job.label: job.skip for job in plan.jobs if job.skip}


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


def test_an_objective_that_is_not_for_the_problem(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["diabetes"], "seeds": [0]}
    small["recipes"] = {"mixed": {"objective": "mixup"}}
    small["measure"] = [{"name": "accuracy"}]
    assert skips(planned(small)) == {
        "fit mlp#0 diabetes": "objective 'mixup' is not for regression"
    }


def test_an_objective_that_is_for_images_alone(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer"], "seeds": [0]}
    small["recipes"] = {"robust": {"objective": "pgd-at"}}
    small["measure"] = [{"name": "accuracy"}]
    assert skips(planned(small)) == {
        "fit mlp#0 breast_cancer": "objective 'pgd-at' is not for tables"
    }


def test_an_augmentation_that_is_not_for_tables(planned, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer"], "seeds": [0]}
    small["recipes"] = {"flipped": {"augmentations": ["flip"]}}
    small["measure"] = [{"name": "accuracy"}]
    assert skips(planned(small)) == {
        "fit mlp#0 breast_cancer": "augmentation 'flip' is not for tables"
    }


def test_augmentations_that_say_how_they_move_images_are_for_masks(
    planned, small, tmp_path
) -> None:
    sets = ["digits_on_textures:examples=20"]
    small["matrix"] |= {"architectures": ["unet"], "datasets": sets, "seeds": [0]}
    small["recipes"] = {"plain": {"augmentations": ["noise", "flip", "crop"]}}
    small["measure"] = [{"name": "accuracy"}]
    assert skips(planned(small)) == {}
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from harness.api import Augmentation, hookimpl\n\n\n@hookimpl\n"
        "def harness_register_augmentations():\n"
        '    yield Augmentation(name="turn", build=lambda: None, takes=("image",))\n'
    )
    small["recipes"] = {"plain": {"augmentations": ["turn"]}}
    catalogue = Host(PluginChoice(files=(str(mine),))).catalogue
    (reason,) = skips(make_plan(load_suite(small, catalogue), catalogue)).values()
    assert reason == (
        "augmentation 'turn' may move what an image shows, and targets of segmentation would not follow; leave it out, or give it "
        "moves=..."
    )


@NO_GPU
def test_what_needs_a_gpu(planned, small: dict[str, Any]) -> None:
    with pytest.raises(ProblemsError) as caught:
        planned(small, "matrix.device=cuda")
    [problem] = caught.value.problems
    assert (problem.where, problem.key) == ("--set matrix.device=cuda", "matrix.device")
    assert "no NVIDIA GPU is visible here" in problem.message

    plan = planned(small, 'matrix.precision=["fp16","fp32"]')
    assert set(skips(plan).values()) == {"fp16 needs CUDA; on a CPU write bf16 or fp32"}
    assert kinds(plan)["fit"] == 4  # those in fp32

    assert kinds(planned(small, 'matrix.device=["auto","cpu"]')) == kinds(planned(small))


def test_more_devices_than_there_are(planned, small: dict[str, Any]) -> None:
    small["hardware"] = {"cpu_slots": 3, "threads": 2}
    small["recipes"]["plain"]["devices"] = [1, 2, 4]
    with pytest.raises(ProblemsError) as caught:
        planned(small, "matrix.device=cpu")
    [problem] = caught.value.problems
    assert problem.key == "recipes.plain.devices"
    assert problem.message == (
        "devices = 4, but of CPU slots of 2 threads this machine has 3; write 3, or less"
    )


NEEDS_A_GPU = """
from harness.api import Optimizer, hookimpl
from pydantic import BaseModel

class Rate(BaseModel):
    learning_rate: float = 0.1

def build(parameters, learning_rate, options, member):
    raise AssertionError("it is only planned")

@hookimpl
def harness_register_optimizers():
    yield Optimizer(name="fused", build=build, options=Rate, requires=("cuda",), source="a test")
"""


@NO_GPU
def test_an_optimizer_that_needs_a_gpu(small: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "fused.py").write_text(NEEDS_A_GPU)
    host = Host(PluginChoice(files=(str(tmp_path / "fused.py"),)))
    check_skipped(small, host.require_usable(), "fused")


@NO_GPU
@pytest.mark.slow  # it lists timm's optimizers, and one of them imports a compiler
def test_a_member_of_a_family_that_needs_a_gpu(small: dict[str, Any], catalogue: Catalogue) -> None:
    check_skipped(small, catalogue, "timm-optim/fusedsgd")


def check_skipped(small: dict[str, Any], catalogue: Catalogue, name: str) -> None:
    settings = [f'matrix.optimizers=["sgd","{name}"]']
    plan = make_plan(load_suite(small, catalogue, settings=settings), catalogue)
    reasons = set(skips(plan).values())
    assert len(reasons) == 1
    assert name in reasons.pop()
    assert kinds(plan)["fit"] == 4


def test_weights_that_nobody_published(planned, small: dict[str, Any]) -> None:
    with pytest.raises(ProblemsError) as caught:
        planned(small, "recipes.plain.weights=pretrained")
    said = [problem.message for problem in caught.value.problems]
    assert len(said) == 2  # mlp and lenet, both at once
    assert said[0].startswith("architecture 'mlp' has no published weights; write weights = ")
    assert '[recipes.plain.for."mlp"]' in said[0]


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
