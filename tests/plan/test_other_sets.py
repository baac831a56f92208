"""Data sets whose examples a measure takes for the data's: refused, left out or made ready, while a plan is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shift_files import cifar, imagenet, mnist_c, pictures

from harness.errors import ProblemsError


def suite(data: list[str], **measure: Any) -> dict[str, Any]:
    return {
        "suite": {"name": "s"},
        "matrix": {"architectures": ["mlp"], "datasets": data, "floors": False},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}, measure],
    }


def test_each_is_made_ready_once_for_all_models(planned, tmp_path):
    data, corrupted = f"npz:path={cifar(tmp_path)}", f"cifar10_c:path={tmp_path / 'CIFAR-10-C'}"
    table = suite([data], name="natural_shift", datasets=[corrupted])
    table["matrix"] |= {"architectures": ["mlp", "lenet"], "seeds": [0, 1]}
    plan = planned(table)
    (other,) = (job for job in plan.jobs if "other" in job.axes)
    measures = [job for job in plan.jobs if job.axes.get("measure") == "natural_shift"]
    assert len(measures) == 4 and all(other.fingerprint in job.needs for job in measures)
    order = [job.fingerprint for job in plan.jobs]
    (first, *_) = (order.index(job.fingerprint) for job in plan.jobs if job.sort == "fit")
    assert order.index(other.fingerprint) < first
    np.save(tmp_path / "CIFAR-10-C" / "fog.npy", np.zeros((100, 32, 32, 3), np.uint8))
    assert other.fingerprint not in {job.fingerprint for job in planned(table).jobs}


def test_what_is_no_example_of_any_data_is_refused_at_its_line(planned, tmp_path):
    np.savez(tmp_path / "other.npz", inputs=np.zeros((9, 3, 8, 8)), targets=np.arange(9))
    for measure in ("ood", "natural_shift"):
        table = suite(["digits"], name=measure, datasets=[f"npz:path={tmp_path / 'other.npz'}"])
        with pytest.raises(ProblemsError) as caught:
            planned(table)
        assert f"measure.{measure}.datasets: data set 'npz:path=" in str(caught.value)
        assert "the shape (3, 8, 8), and those of the data have (1, 8, 8)" in str(caught.value)


def test_a_class_that_no_data_have_is_refused_and_left_out_of_those_that_lack_it(planned, tmp_path):
    table = suite(["digits"], name="by_class", prior={"3": 0.5, "cat": 0.5})
    with pytest.raises(ProblemsError, match=r"measure\.by_class: digits has no class 'cat'; allow"):
        planned(table)
    folder = pictures(tmp_path / "animals", ("cat", "dog"))
    table["matrix"]["datasets"] += [f"imagefolder:path={folder}"]
    table["measure"][1]["prior"] = {"cat": 1.0}
    skipped = {job.axes["dataset"]: job.skip for job in planned(table).jobs if job.skip}
    assert [*skipped] == ["digits"] and "digits has no class 'cat'" in skipped["digits"]


def test_a_shift_that_needs_larger_images_is_left_out(planned, tmp_path):
    np.savez(
        tmp_path / "tiny.npz", inputs=np.zeros((90, 2, 2), np.uint8), targets=np.arange(90) % 2
    )
    table = suite(
        [f"npz:path={tmp_path / 'tiny.npz'}"], name="shift", shifts=["blur", "glass_blur"]
    )
    (words,) = (job.skip for job in planned(table).jobs if job.skip)
    assert words.startswith(
        "glass_blur: images of at least 3 x 3 pixels are needed, and those of the data have 2 x 2"
    )
    table["measure"][1]["shifts"] = ["glass_blur"]
    jobs = planned(table).jobs
    assert [job.axes["measure"] for job in jobs if job.skip] == ["shift"]
    assert not [job for job in jobs if "shift" in job.axes]


def test_damaged_files_are_refused(planned, tmp_path):
    data = f"npz:path={cifar(tmp_path)}"
    np.save(tmp_path / "CIFAR-10-C" / "snow.npy", np.zeros((90, 32, 32, 3), np.uint8))
    table = suite(
        [data], name="natural_shift", datasets=[f"cifar10_c:path={tmp_path / 'CIFAR-10-C'}"]
    )
    with pytest.raises(ProblemsError, match=r"snow.npy has uint8 of shape \(90, 32, 32, 3\)"):
        planned(table)


def test_a_class_map_that_does_not_fit_is_refused(planned, tmp_path):
    root = imagenet(tmp_path)
    shifted = pictures(tmp_path / "sketches", ("clock", "tench"))
    (tmp_path / "map.json").write_text('{"clock": "grandfather clock", "tench": "tench"}')
    name = f"shifted_folder:path={shifted},class_map={tmp_path / 'map.json'}"
    table = suite([f"imagefolder:path={root}"], name="natural_shift", datasets=[name])
    with pytest.raises(
        ProblemsError, match=r"1 of its 2 classes is none of the data's, .*: 'clock' \(for"
    ):
        planned(table)


def test_of_several_data_sets_each_has_its_own_shifts(planned, tmp_path):
    data = f"npz:path={cifar(tmp_path)}"
    digits = tmp_path / "mnist.npz"
    np.savez(digits, inputs=np.zeros((50, 28, 28), np.uint8), targets=np.arange(50) % 10)
    names = [f"cifar10_c:path={tmp_path / 'CIFAR-10-C'}", f"mnist_c:path={mnist_c(tmp_path)}"]
    plan = planned(suite([data, f"npz:path={digits}"], name="natural_shift", datasets=names))
    assert sorted(job.axes["other"].split(":")[0] for job in plan.jobs if "other" in job.axes) == [
        "cifar10_c", "mnist_c",
    ]  # fmt: skip
    skipped = [job.skip for job in plan.jobs if job.skip]
    assert len(skipped) == 2 and all("those of the data have" in words for words in skipped)


def test_a_measure_that_is_left_with_none_is_skipped_with_the_reason(planned, tmp_path):
    data = f"npz:path={cifar(tmp_path)}"
    table = suite([data, "digits"], name="natural_shift", datasets=[f"cifar10_1:path={tmp_path / 'CIFAR-10.1'}"])  # fmt: skip
    (words,) = {job.skip for job in planned(table).jobs if job.skip}
    assert words.startswith("natural_shift: cifar10_1:path=") and "(1, 8, 8)" in words
