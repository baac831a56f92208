"""A fingerprint covers all that can change an outcome, and nothing else."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import Architecture, Optimizer
from harness.machine.ceilings import Ceiling, Ceilings, keep
from harness.machine.environment import describe_machine, read_ceilings
from harness.plan import fingerprint
from harness.plan.fingerprint import digest, file_digest, item_digest, version
from harness.plan.jobs import Plan
from harness.plan.names import settle
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite


def prints(plan: Plan) -> dict[str, str]:
    """Return {label: fingerprint}."""
    assert len({job.label for job in plan.jobs}) == len(plan.jobs)
    return {job.label: job.fingerprint for job in plan.jobs}


def changed(before: Plan, after: Plan) -> set[str]:
    """Return the labels whose fingerprint is another one; both plans have the same labels."""
    old, new = prints(before), prints(after)
    assert old.keys() == new.keys()
    return {label for label in old if old[label] != new[label]}


def labels(plan: Plan, *words: str) -> set[str]:
    return {job.label for job in plan.jobs if any(word in job.label for word in words)}


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


def test_another_name_and_description_change_nothing(planned, small: dict[str, Any]) -> None:
    before = prints(planned(small))
    small["suite"] |= {"name": "other", "description": "another one"}
    small["recipes"] = {"renamed": small["recipes"]["plain"]}
    small["hardware"] = {"cpu_slots": 7, "time_limit": "5m", "memory_limit": "1GiB"}
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
    from harness.plan import plan

    before = planned(small)
    monkeypatch.setattr(plan, "machine_digest", lambda device: {"cpu": "another one"})
    assert changed(before, planned(small)) == labels(before, "throughput ")


def test_a_version_of_torch_changes_everything(
    planned, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned(small)

    def another(name: str) -> str:
        return "9.9.9" if name == "torch" else version(name)

    monkeypatch.setattr(fingerprint, "version", another)
    assert changed(before, planned(small)) == set(prints(before))


PLUGIN = """
from harness.api import Architecture, hookimpl
{imports}

def build(num_classes):
    raise NotImplementedError

@hookimpl
def harness_register_architectures():
    yield Architecture(name="{name}", build=build, takes=("image", "table"))
"""


@pytest.fixture
def with_plugins(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Plan]]:
    """Plan a suite of two architectures from two files, of which one imports a third."""
    import sys

    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    (tmp_path / "fp_one.py").write_text(PLUGIN.format(name="one", imports="import fp_layers"))
    (tmp_path / "fp_two.py").write_text(PLUGIN.format(name="two", imports=""))
    (tmp_path / "fp_layers.py").write_text("import math\nWIDTH = 1\n")
    small["matrix"]["architectures"] = ["one", "two"]
    host = Host(PluginChoice((str(tmp_path / "fp_one.py"), str(tmp_path / "fp_two.py"))))
    catalogue = host.require_usable()
    yield lambda: make_plan(load_suite(small, catalogue), catalogue)
    for name in set(sys.modules) - known:
        if name.startswith("fp_"):
            del sys.modules[name]


def test_the_source_of_a_plugin_changes_its_jobs_alone(
    with_plugins: Callable[[], Plan], tmp_path: Path
) -> None:
    before = with_plugins()
    with (tmp_path / "fp_two.py").open("a") as file:
        file.write("# another line\n")
    assert changed(before, with_plugins()) == labels(before, " two")


def test_a_file_beside_a_plugin_counts_as_its_source(
    with_plugins: Callable[[], Plan], tmp_path: Path
) -> None:
    before = with_plugins()
    (tmp_path / "fp_layers.py").write_text("import math\nWIDTH = 22\n")
    assert changed(before, with_plugins()) == labels(before, " one")


def test_the_source_of_your_own_class_counts(
    planned, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fp_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(
        "from . import layers\nfrom fp_beside import size\nclass Net:\n    takes = ('image',)\n"
    )
    (package / "layers.py").write_text("from fp_package.deep import deeper\n")
    (package / "deep.py").write_text("deeper = 1\n")
    (package / "other.py").write_text("class Other:\n    takes = ('image',)\n")
    (tmp_path / "fp_beside.py").write_text("size = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    small["matrix"]["architectures"] = ["fp_package.nets:Net:width=[1,2]", "fp_package.other:Other"]
    before = planned(small)
    mine = labels(before, "Net")
    for name in ("nets.py", "layers.py", "deep.py"):
        with (package / name).open("a") as file:
            file.write("# changed\n")
        after = planned(small)
        assert changed(before, after) == mine
        before = after
    (tmp_path / "fp_beside.py").write_text("size = 22\n")
    assert changed(before, planned(small)) == mine


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
    assert changed(before, planned(small)) == labels(before, "csv:path")


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


def test_an_item_changes_with_the_version_of_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    item = Optimizer(name="x", build="harness_training.sgd:build", distributions=("scipy",))
    before = item_digest(settle(item, "", {}))
    assert item_digest(settle(item, "", {})) == before

    def another(name: str) -> str:
        return "9.9.9" if name == "scipy" else version(name)

    monkeypatch.setattr(fingerprint, "version", another)
    assert item_digest(settle(item, "", {})) != before


def test_an_item_changes_with_the_libraries_that_its_source_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fp_uses.py").write_text("import scipy.special\n")
    monkeypatch.syspath_prepend(tmp_path)
    item = Architecture(name="x", build="fp_uses:build")
    before = item_digest(settle(item, "", {}))
    versions = fingerprint.library_version
    monkeypatch.setattr(
        fingerprint, "library_version", lambda name: "9" if name == "scipy" else versions(name)
    )
    assert item_digest(settle(item, "", {})) != before


def test_no_library_is_read_as_source() -> None:
    sources, libraries = fingerprint._closure("harness_architectures.timm_family")
    assert all(name.startswith("harness_architectures") for name, _ in sources)
    assert {"pydantic", "torch"} <= set(libraries)


def test_digests_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert file_digest(path).startswith("ba7816bf8f01cfea")  # SHA-256 of "abc", FIPS 180-2


def test_an_item_that_an_option_names_counts(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "fp_refers.py").write_text(
        """
from typing import Annotated
from pydantic import BaseModel
from harness.api import Architecture, Objective, Refers, hookimpl

class Options(BaseModel):
    teacher: Annotated[str, Refers("architecture")] = "mlp"

@hookimpl
def harness_register_objectives():
    yield Objective(name="distil", takes=("image", "sequence", "table"), build="fp_refers:build", options=Options)
"""
    )
    host = Host(PluginChoice((str(tmp_path / "fp_refers.py"),)))
    catalogue = host.require_usable()

    def plan(teacher: str) -> Plan:
        small["recipes"]["plain"]["objective"] = {"name": "distil", "teacher": teacher}
        return make_plan(load_suite(small, catalogue), catalogue)

    before = plan("mlp")
    source = Path(fingerprint.find_source("harness_architectures.gru") or "")
    assert changed(before, plan("gru")) == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )
    first = prints(plan("gru"))
    monkeypatch.setattr(
        fingerprint,
        "file_digest",
        lambda path: "another" if path == source else file_digest(path),
    )
    second = prints(plan("gru"))
    assert {label for label in first if first[label] != second[label]} == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )
    from harness.errors import ProblemsError

    with pytest.raises(ProblemsError, match="no architecture is named 'grru'"):
        plan("grru")
    del sys.modules["fp_refers"]


def test_the_machines_ceilings_change_nothing(
    planned, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = planned(small)
    rate = Ceiling(
        kind="copy", precision="", threads=1, value=1e9, low=None, high=None, n=1, size=1
    )
    keep(Ceilings(hardware="", measured="", rates=(rate,)), "cpu", describe_machine())
    assert read_ceilings("cpu") is not None
    assert prints(planned(small)) == prints(before)
