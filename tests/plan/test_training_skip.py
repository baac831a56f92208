"""Trainings that make no sense on a data set or a device: they are skipped, or refused, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plan_counts import kinds, skips

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.errors import ProblemsError
from harness.machine.devices import gpus
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

NO_GPU = pytest.mark.skipif(bool(gpus()), reason="there is a GPU here")


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
