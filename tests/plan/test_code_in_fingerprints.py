"""The code behind an item, its libraries, and the items that it names are in a fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from plan_changes import changed, labels, prints

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import Architecture, Attack, Measure, Optimizer
from harness.catalogue.reach import reach
from harness.catalogue.shown import Shown
from harness.errors import ProblemsError
from harness.plan import fingerprint
from harness.plan.fingerprint import item_digest, look_anew, version
from harness.plan.jobs import Plan
from harness.plan.names import settle
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

KINDS_ROOT = ("harness.catalogue.kinds", "Measure")  # the core is no author's code
GRU = ("harness_architectures.recurrent", "build_gru")

PLUGIN = """
from harness.api import Architecture, hookimpl
{imports}

def build(num_classes):
    raise NotImplementedError(WIDTH)

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
    (tmp_path / "fp_one.py").write_text(
        PLUGIN.format(name="one", imports="from fp_layers import WIDTH")
    )
    (tmp_path / "fp_two.py").write_text(PLUGIN.format(name="two", imports="WIDTH = 1"))
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
    assert changed(before, with_plugins()) == set()
    source = (tmp_path / "fp_two.py").read_text()
    (tmp_path / "fp_two.py").write_text(source.replace("NotImplementedError", "MemoryError"))
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
    (package / "__init__.py").write_text("SCALE = 1\n")
    (package / "nets.py").write_text(
        "from . import SCALE, layers\nfrom fp_beside import size\n"
        "class Net:\n    takes = ('image',)\n    size = size, layers.deeper, SCALE\n"
    )
    (package / "layers.py").write_text("from fp_package.deep import deeper\n")
    (package / "deep.py").write_text("deeper = 1\n")
    (package / "other.py").write_text("class Other:\n    takes = ('image',)\n")
    (tmp_path / "fp_beside.py").write_text("size = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    small["matrix"]["architectures"] = ["fp_package.nets:Net:width=[1,2]", "fp_package.other:Other"]
    before = planned(small)
    mine = labels(before, "Net")
    for path, old, new in (
        (package / "nets.py", "size = size", "size = 1, size"),
        (package / "__init__.py", "SCALE = 1", "SCALE = 22"),
        (package / "layers.py", "from fp", "VALUE = 1\nfrom fp"),
        (package / "deep.py", "deeper = 1", "deeper = 22"),
        (tmp_path / "fp_beside.py", "size = 1", "size = 22"),
    ):
        text = path.read_text()
        assert old in text
        path.write_text(text + "# a comment\n")
        assert changed(before, planned(small)) == set()
        path.write_text(text.replace(old, new))
        after = planned(small)
        assert changed(before, after) == (mine if "VALUE" not in new else set())
        before = after


def test_folders_without_an_init_are_followed(
    planned, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fp_spaced"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from .sub import mod\nclass Net:\n    takes = ('image',)\n    mod = mod\n"
    )
    (package / "sub" / "mod.py").write_text("SIZE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    small["matrix"]["architectures"] = ["fp_spaced:Net"]
    before = planned(small)
    (package / "sub" / "mod.py").write_text("SIZE = 22\n")
    assert changed(before, planned(small)) == labels(before, "Net")


def test_an_item_changes_with_the_version_of_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    item = Optimizer(name="x", build="harness_training.sgd:build", distributions=("scipy",))
    before = item_digest(settle(item, "", {}))
    assert item_digest(settle(item, "", {})) == before

    look_anew()

    def another(name: str) -> str:
        return "9.9.9" if name == "scipy" else version(name)

    monkeypatch.setattr(fingerprint, "version", another)
    assert item_digest(settle(item, "", {})) != before


def test_an_item_changes_with_the_libraries_that_its_source_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fp_uses.py").write_text("import scipy.special\n")
    monkeypatch.syspath_prepend(tmp_path)
    item = Architecture(name="x", build="fp_uses:build", takes=("image",))
    before = item_digest(settle(item, "", {}))
    look_anew()
    versions = fingerprint.library_version
    monkeypatch.setattr(
        fingerprint, "library_version", lambda name: "9" if name == "scipy" else versions(name)
    )
    assert item_digest(settle(item, "", {})) != before


def test_no_library_is_read_as_source() -> None:
    found = reach(frozenset({("harness_architectures.timm_family", "build")}))
    assert found.modules and all(name.startswith("harness_arch") for name in found.modules)
    assert "torch" in found.libraries


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
    assert changed(before, plan("gru")) == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )
    first = prints(plan("gru"))
    monkeypatch.setattr(
        fingerprint,
        "reach",
        lambda roots: replace(reach(roots), digest="another") if GRU in roots else reach(roots),
    )
    second = prints(plan("gru"))
    assert {label for label in first if first[label] != second[label]} == labels(
        before, "fit ", "accuracy ", "adversarial ", "shift "
    )
    with pytest.raises(ProblemsError, match="no architecture is named 'grru'"):
        plan("grru")
    del sys.modules["fp_refers"]


def test_the_files_that_an_item_names_count(
    planned, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fp_named.py").write_text(
        "class Net:\n    takes = ('image',)\n    files = ('weights.h5',)\n"
    )
    (tmp_path / "weights.h5").write_text("first")
    monkeypatch.syspath_prepend(tmp_path)
    small["matrix"]["architectures"] = ["fp_named:Net", "mlp"]
    before = planned(small)
    (tmp_path / "weights.h5").write_text("second")
    assert changed(before, planned(small)) == labels(before, "Net")
    (tmp_path / "weights.h5").unlink()
    with pytest.raises(ProblemsError, match="architecture 'fp_named:Net': there is no file or"):
        planned(small)


def test_fields_that_a_job_reads_count_and_those_for_people_do_not() -> None:
    def digest_of(**fields: Any) -> str:
        attack = Attack(
            name="x", perturb="harness_attacks.fgsm:perturb", takes=("image",), **fields
        )
        return item_digest(settle(attack, "", {}))

    before = digest_of()
    assert digest_of(minimum_norm=True) != before != digest_of(norms=("l2",))
    assert digest_of(summary="words", source="me", checked_with={"steps": 1}) == before


def test_what_is_shown_of_a_measure_does_not_count() -> None:
    def digest_of(**fields: Any) -> str:
        run = "harness_quality.accuracy:run"
        measure = Measure(name="x", run=run, takes=("image",), **fields)
        return item_digest(settle(measure, "", {}))

    shown = (Shown(metric="accuracy", key="headline", title="accuracy"),)
    assert digest_of() == digest_of(shows=shown) == digest_of(exclusive=True, summary="words")
    assert all("harness" not in name for name in reach(frozenset({KINDS_ROOT})).modules)


def test_values_that_callables_hold_count() -> None:
    def digest_of(build: Any) -> str:
        return item_digest(settle(Architecture(name="x", build=build, takes=("image",)), "", {}))

    def made(width: int, depth: Any = None) -> Any:
        def build() -> Any:
            return width, depth

        return build

    class Maker:
        def __init__(self, width: int) -> None:
            self.width = width

        def __call__(self) -> int:
            return self.width

    makers = (made, partial(partial, made), Maker, lambda width: Maker(width).__call__)
    for maker in makers:
        assert digest_of(maker(1)) == digest_of(maker(1)) != digest_of(maker(2))
    assert digest_of(made(1, made(1))) == digest_of(made(1, made(1))) != digest_of(made(1, made(2)))
