"""What the fork server imports once: the modules of all items that jobs name, of the kinds that say so."""

from __future__ import annotations

from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.execute.preload import modules_of
from harness.plan.jobs import Job


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Host(PluginChoice()).require_usable()


def job(**spec: Any) -> Job:
    return Job(fingerprint="f", sort="fit", label="x", spec=spec, needs=(), axes={})


def named(name: str) -> dict[str, Any]:
    return {"name": name, "options": {}}


def test_every_item_that_a_job_names_is_imported_once(catalogue: Catalogue) -> None:
    training = {
        "optimizer": named("sgd"),
        "schedule": named("cosine"),
        "augmentations": [named("flip"), named("crop")],
        "objective": named("mixup"),
        "epochs": 2,
    }
    jobs = [
        job(architecture=named("mlp"), training=training, seed=3),
        job(measure=named("accuracy"), corrupted={"blur@1": "f"}, fit="f"),
        job(measure=named("transfer"), fits=[{"architecture": named("gru"), "recipe": "plain"}]),
        job(shift=named("contrast"), data="f"),
    ]
    assert modules_of(jobs, catalogue) == [
        "harness_architectures.mlp",
        "harness_training.sgd",
        "harness_training.cosine",
        "harness_training.flip",
        "harness_training.crop",
        "harness_training.mixup",
        "harness_quality.accuracy",
        "harness_attacked.transfer",
        "harness_architectures.recurrent",
        "harness_shifts.contrast",
        "harness_shifts.saved",
    ]


def test_a_persons_own_class_and_a_data_set_are_imported_by_their_jobs(
    catalogue: Catalogue,
) -> None:
    jobs = [job(architecture=named("my.module:Net")), job(dataset=named("digits"))]
    assert modules_of(jobs, catalogue) == []


def test_what_a_modality_is_read_as_is_imported_too(catalogue: Catalogue) -> None:
    found = modules_of([job(modality=named("image"))], catalogue)
    assert found == ["harness_modalities.image", "harness_modalities.flat"]
