"""Fits that start from published weights read pictures as those weights expect them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.catalogue.catalogue import Catalogue
from harness.plan.jobs import Job, Plan

MEMBERS = ("resnet18", "resnet50", "efficientnet_b0")
WORDS = {
    "timm/resnet18": "shorter side to 235 (bicubic), centre of 224 x 224",
    "timm/resnet50": "shorter side to 235 (bicubic), centre of 224 x 224",
    "timm/efficientnet_b0": "shorter side to 256 (bicubic), centre of 224 x 224",
}


@pytest.fixture
def published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue
) -> dict[str, Any]:
    """A suite of published weights that are in the cache, on a folder of pictures."""
    for split in ("train", "test"):
        for name in "ab":
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            Image.new("L", (9, 9)).save(tmp_path / "photos" / split / name / "1.png")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    members = catalogue.members(catalogue.entries("architecture")["timm/"].item)
    for member in MEMBERS:
        hub = members[member]["hub"].replace("/", "--")
        snapshot = tmp_path / "hub" / f"models--{hub}" / "snapshots" / "1"
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").touch()
    return {
        "suite": {"name": "published"},
        "matrix": {
            "architectures": list(WORDS),
            "datasets": [{"name": "imagefolder", "path": str(tmp_path / "photos")}],
        },
        "recipes": {"published": {"weights": "pretrained", "epochs": 0}},
        "measure": [{"name": "accuracy"}, {"name": "flops"}],
    }


def by_label(plan: Plan) -> dict[str, Job]:
    return {job.label: job for job in plan.jobs}


def data_of(plan: Plan, start: str, architecture: str) -> list[str]:
    """The labels of the data that jobs of an architecture read, less the data set's own label."""
    found = {job.fingerprint: job.label for job in plan.jobs}
    return [
        found[job.spec["data"]].partition(" [")[2].rstrip("]")
        for job in plan.jobs
        if job.label.startswith(start) and job.axes.get("architecture") == architecture
    ]


@pytest.mark.parametrize("architecture", list(WORDS))
def test_each_reads_its_own(planned, published: dict[str, Any], architecture: str) -> None:
    plan = planned(published)
    for start in ("fit", "accuracy", "flops"):
        assert data_of(plan, start, architecture) == [WORDS[architecture]]
    assert sum(job.sort == "prepare" for job in plan.jobs) == 2  # what two read alike is made once
    assert all(job.spec["published"] for job in plan.jobs if job.sort != "prepare")


@pytest.mark.parametrize(
    "option", [{"size": 224}, {"resize": 256}, {"crop": "squash"}, {"interpolation": "bilinear"}]
)
def test_an_option_of_the_data_overrides(
    planned, published: dict[str, Any], option: dict[str, Any]
) -> None:
    published["matrix"]["datasets"][0] |= option
    plan = planned(published)
    (prepare,) = (job for job in plan.jobs if job.sort == "prepare")
    assert prepare.spec["preprocessing"] is None and "[" not in prepare.label
    assert all(job.spec["published"] for job in plan.jobs if job.sort != "prepare")


def test_an_option_of_the_architecture_overrides(planned, published: dict[str, Any]) -> None:
    published["matrix"]["architectures"] = ["timm/resnet18:crop_pct=1.0"]
    (prepare,) = (job for job in planned(published).jobs if job.sort == "prepare")
    assert "[shorter side to 224 (bicubic), centre of 224 x 224]" in prepare.label


def test_random_weights_read_the_data_as_it_is(planned, published: dict[str, Any]) -> None:
    published["recipes"]["scratch"] = {"epochs": 1}
    plan = planned(published)
    assert data_of(plan, "fit", "timm/resnet18") == [WORDS["timm/resnet18"], ""]
    assert data_of(plan, "flops", "timm/resnet18") == [WORDS["timm/resnet18"], ""]
    flops = [job for job in plan.jobs if job.axes.get("measure") == "flops"]
    assert {job.axes["recipe"] for job in flops} == {"published", "scratch"}
    assert len({job.label for job in plan.jobs}) == len(plan.jobs)


def test_only_those_that_read_alike_are_compared(planned, published: dict[str, Any]) -> None:
    published["measure"] = [{"name": "transfer", "attack": "pgd"}]
    jobs = [job for job in planned(published).jobs if job.axes.get("measure") == "transfer"]
    compared = {tuple(fit["label"] for fit in job.spec["fits"]): job.skip for job in jobs}
    together, alone = ("timm/resnet18", "timm/resnet50"), ("timm/efficientnet_b0",)
    assert set(compared) == {together, alone}
    assert compared[together] == ""
    assert "that reads pictures in its way (say size= of the data set for all)" in compared[alone]
    assert len({job.label for job in jobs}) == 2

    published["matrix"]["datasets"][0]["size"] = 224
    (job,) = (j for j in planned(published).jobs if j.axes.get("measure") == "transfer")
    assert len(job.spec["fits"]) == 3


def test_shifted_copies_are_made_for_each_way(planned, published: dict[str, Any]) -> None:
    published["measure"] = [{"name": "shift", "shifts": ["blur"], "severities": [1]}]
    plan = planned(published)
    copies = [job for job in plan.jobs if job.sort == "prepare" and "shift" in job.axes]
    assert len(copies) == len({job.label for job in copies}) == 2
    for job in plan.jobs:
        if job.sort == "measure":
            (copy,) = (c for c in copies if c.fingerprint in job.needs)
            assert job.spec["data"] in copy.needs


def test_arrays_are_not_read_in_another_way(planned, published: dict[str, Any]) -> None:
    published["matrix"]["datasets"] = ["digits"]
    plan = planned(published)
    (prepare,) = (job for job in plan.jobs if job.sort == "prepare")
    assert prepare.label == "prepare digits"
