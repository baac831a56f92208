"""A fingerprint covers all that can change an outcome, and nothing else."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from plan_changes import changed, labels, prints

from harness.machine import machines
from harness.machine.ceilings import Ceiling, Ceilings, save_ceilings
from harness.machine.environment import describe_machine, read_ceilings
from harness.plan import fingerprint
from harness.plan.file_digests import file_digest
from harness.plan.fingerprint import digest
from harness.plan.libraries import library_version


def test_a_plan_is_the_same_twice(planned, small: dict[str, Any]) -> None:
    assert planned(small) == planned(small)


def test_reordering_a_suite_changes_nothing(planned, small: dict[str, Any]) -> None:
    small["matrix"]["datasets"] = ["digits", "breast_cancer"]
    small["recipes"]["long"] = {"epochs": 9, "batch_size": 32, "optimizer": "sgd:momentum=0.5"}
    before = prints(planned(small))
    draw = random.Random(0)

    def shuffled(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            keys = list(value)
            draw.shuffle(keys)
            return {one: shuffled(value[one], one) for one in keys}
        if isinstance(value, list):
            inner = [shuffled(one) for one in value]
            draw.shuffle(inner)
            return inner
        return value

    for _ in range(5):
        assert prints(planned(shuffled(small))) == before


def test_ways_to_write_one_thing_are_one_thing(planned, small: dict[str, Any]) -> None:
    small["matrix"]["architectures"] = ["mlp:depth=3,width=16"]
    before = prints(planned(small))
    small["matrix"]["architectures"] = [{"name": "mlp", "width": 16, "depth": 3, "dropout": 0.0}]
    small["recipes"]["plain"]["optimizer"] = {"name": "adamw", "weight_decay": 0.01}
    assert prints(planned(small)) == before


def test_what_changes_nothing_on_one_device_is_one_thing(
    planned, small: dict[str, Any], tmp_path: Path
) -> None:
    """Several devices and parts add up in another order, so their fits are others."""
    before = planned(small)
    plain = small["recipes"]["plain"]
    plain |= {"devices": 1, "accumulate": 1, "sync_batch_norm": True, "train_share": 1.0}
    assert prints(planned(small)) == prints(before)
    assert all(job.devices == 1 and "devices" not in job.spec for job in before.jobs)
    (tmp_path / "fitted.safetensors").write_bytes(b"")
    loaded = {"epochs": 0, "weights": str(tmp_path / "fitted.safetensors"), "devices": 2}
    small["recipes"]["plain"] = loaded
    assert {job.devices for job in planned(small).jobs} == {1}  # it takes one process
    others: list[dict[str, Any]] = [{"accumulate": 2}, {"devices": 2}]
    others += [{"devices": 2, "sync_batch_norm": False}, {"train_share": 0.5}]
    for more in others:
        small["recipes"]["plain"] = plain | more
        small["hardware"] = {"cpu_slots": 2}
        after = planned(small)
        assert labels(after, "fit") <= changed(before, after), more
        assert {job.devices for job in after.jobs if job.sort == "fit"} == {more.get("devices", 1)}
        before = after


def test_another_name_and_description_change_nothing(planned, small: dict[str, Any]) -> None:
    before = prints(planned(small))
    small["suite"] |= {"name": "other", "description": "another one"}
    small["recipes"] = {"renamed": small["recipes"]["plain"]}
    small["hardware"] = {"cpu_slots": 7, "time_limit": "5m", "memory_limit": "1GiB"}
    small["hardware"] |= {"checkpoint_every": "1m", "copies": "1GiB"}
    assert prints(planned(small)) == before


def test_an_architectures_option_changes_its_jobs_alone(planned, small: dict[str, Any]) -> None:
    small["matrix"]["architectures"] = ["mlp", "lenet"]
    before = prints(planned(small))
    small["matrix"]["architectures"] = ["mlp:depth=3", "lenet"]
    after = prints(planned(small))
    kept = set(before.values()) & set(after.values())
    assert {label for label, one in before.items() if one not in kept} == {
        label for label in before if "mlp" in label
    }


def test_more_seeds_and_architectures_change_nothing_that_was(
    planned, small: dict[str, Any]
) -> None:
    before = set(prints(planned(small)).values())
    small["matrix"] |= {"architectures": ["gru", "mlp", "lenet"], "seeds": [5, 1, 0]}
    small["measure"].append({"name": "flops"})
    assert before < set(prints(planned(small)).values())


@pytest.mark.parametrize(
    "setting",
    [
        "recipes.plain.epochs=3",
        "recipes.plain.batch_size=32",
        "recipes.plain.patience=2",
        "recipes.plain.learning_rate=0.5",
        "recipes.plain.schedule=cosine",
        "recipes.plain.optimizer=sgd",
        'recipes.plain.augmentations=["noise"]',
        "recipes.plain.objective=mixup",
    ],
)
def test_how_a_model_is_trained_changes_fits_and_what_is_measured_on_them(
    planned, small: dict[str, Any], setting: str
) -> None:
    before = planned(small)
    assert changed(before, planned(small, setting)) == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )


def test_a_measures_option_changes_its_jobs_alone(planned, small: dict[str, Any]) -> None:
    before = planned(small)
    after = planned(small, "measure.throughput.seconds=0.25")
    assert changed(before, after) == labels(before, "throughput ")
    after = planned(small, "measure.adversarial.attacks=['pgd:steps=3']")
    assert changed(before, after) == labels(before, "adversarial ")


def test_the_data_seed_changes_everything_and_seeds_differ(planned, small: dict[str, Any]) -> None:
    before = planned(small)
    assert len({job.fingerprint for job in before.jobs}) == len(before.jobs)
    assert changed(before, planned(small, "suite.data_seed=1")) == set(prints(before))


def test_precision_and_threads(planned, small: dict[str, Any]) -> None:
    before = planned(small)
    rest = set(prints(before)) - labels(before, "prepare ")
    assert changed(before, planned(small, "matrix.precision=bf16")) == rest
    after = planned(small, "hardware.threads=2")
    assert changed(before, after) == rest - labels(before, "throughput ")
    after = planned(small, "hardware.exclusive_threads=1")
    assert changed(before, after) <= labels(before, "throughput ")


def test_the_machine_changes_what_is_timed_alone(
    planned, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned(small)
    monkeypatch.setattr(machines, "cpu_model", lambda: "another one")
    assert changed(before, planned(small)) == labels(before, "throughput ")


def test_a_version_of_torch_changes_everything(
    planned, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned(small)

    def another(name: str) -> str:
        return "9.9.9" if name == "torch" else library_version(name)

    monkeypatch.setattr(fingerprint, "library_version", another)
    assert changed(before, planned(small)) == set(prints(before))


def test_touching_a_table_changes_nothing_and_writing_it_does(
    planned, small: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b,y\n1,2,0\n3,4,1\n")
    small["matrix"] |= {"architectures": ["mlp"], "datasets": ["breast_cancer", str(table)]}
    before = planned(small)
    os.utime(table, ns=(1, 1))
    assert changed(before, planned(small)) == set()
    table.write_text("a,b,y\n1,2,0\n3,5,1\n")
    os.utime(table, ns=(1, 2))
    assert changed(before, planned(small)) == labels(before, "table:path")


def test_a_file_in_a_folder_of_images_changes_its_jobs(
    planned, small: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.png").write_bytes(b"1")
    small["matrix"]["datasets"] = [str(tmp_path / "photos")]
    before = planned(small)
    assert changed(before, planned(small)) == set()
    (tmp_path / "photos" / "cat" / "2.png").write_bytes(b"2")
    assert changed(before, planned(small)) == set(prints(before))


def test_links_in_a_folder_of_images_count_by_what_they_lead_to(
    planned, small: dict[str, Any], tmp_path: Path
) -> None:
    """A class folder and a folder below a class are links; dates and sizes stay as they are."""
    photos, far, file = tmp_path / "photos", tmp_path / "far", tmp_path / "far" / "deep" / "1.png"
    (photos / "dog").mkdir(parents=True)
    (photos / "dog" / "1.png").write_bytes(b"1")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1")
    (photos / "cat").symlink_to(far)
    (photos / "dog" / "more").symlink_to(far)
    os.utime(file, ns=(1, 1))
    small["matrix"]["datasets"] = [str(photos)]
    before = planned(small)
    (photos / "cat" / "notes.txt").write_text("nothing that is read")
    assert changed(before, planned(small)) == set()
    file.write_bytes(b"2")
    os.utime(file, ns=(1, 1))
    assert changed(before, planned(small)) == set(prints(before))


def test_the_contents_of_weights_count(planned, small: dict[str, Any], tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    small["recipes"]["plain"]["weights"] = str(weights)
    before = planned(small)
    weights.write_bytes(b"other")
    assert changed(before, planned(small)) == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )


def test_digests_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert file_digest(path).startswith("ba7816bf8f01cfea")  # SHA-256 of "abc", FIPS 180-2


def test_the_machines_ceilings_change_nothing(
    planned, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = planned(small)
    rate = Ceiling(
        kind="copy", precision="", threads=1, value=1e9, low=None, high=None, n=1, size=1
    )
    save_ceilings(Ceilings(hardware="", measured="", rates=(rate,)), "cpu", describe_machine())
    assert read_ceilings("cpu") is not None
    assert prints(planned(small)) == prints(before)
