"""What is installed where jobs run, and how two machines differ in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.catalogue.host import PluginChoice
from harness.execute.installed import Installed, modules_named
from harness.plan.fingerprint import look_anew
from harness.plan.jobs import Job

HERE = Installed(
    {"python": "3.12.1", "torch": "2.13.0+cpu"},
    {"attacks": "0.1.0", "mine": ""},
    {"the harness's own code": "abc", "harness_attacks.pgd": "123", "my_net": "456"},
)


def test_two_machines_that_are_alike_do_not_differ() -> None:
    more = replace(HERE, plugins={**HERE.plugins, "ray": "1"}, code={**HERE.code, "other": "7"})
    assert HERE.differences(more) == []


def test_differences_are_named() -> None:
    there = Installed(
        {"python": "3.11.9"},
        {"attacks": "0.1.0"},
        {"the harness's own code": "abd", "harness_attacks.pgd": "124", "my_net": ""},
    )
    assert HERE.differences(there) == [
        "python 3.11.9 instead of 3.12.1",
        "torch none instead of 2.13.0+cpu",
        "no plugin mine",
        "another version of the harness's own code",
        "another version of module harness_attacks.pgd",
        "no module my_net",
    ]


def test_of_many_modules_some_are_named() -> None:
    code = {f"m{number}": "1" for number in range(9)}
    here = Installed({}, {}, {"the harness's own code": "1", **code})
    there = Installed({}, {}, {"the harness's own code": "2", **dict.fromkeys(code, "2")})
    assert here.differences(there) == [
        "another version of the harness's own code",
        "another version of module m0, m1, m2, m3, m4 and 4 more",
    ]


def test_another_version_of_a_plugin_is_a_difference() -> None:
    there = replace(HERE, plugins={"attacks": "0.2.0", "mine": "1.0"})
    assert HERE.differences(there) == [
        "plugin attacks 0.2.0 instead of 0.1.0",
        "plugin mine 1.0 instead of one of no version",
    ]


def test_a_changed_helper_of_a_module_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "seen_net"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text("from seen_net.width import WIDTH\n")
    (tmp_path / "seen_apart.py").write_text("from seen_net.net import WIDTH\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def look(width: int) -> Installed:
        (package / "width.py").write_text(f"WIDTH = {width}\n")
        look_anew()
        return Installed.look(PluginChoice(), ["seen_net.net", "seen_apart"])

    one = look(1)
    assert one.differences(look(1)) == []
    assert one.differences(look(2)) == ["another version of module seen_net.net, seen_apart"]


def test_this_machine_is_looked_at() -> None:
    choice = PluginChoice(blocked=("attacks",))
    found = Installed.look(choice, ["harness_quality.accuracy", "no.such.module"])
    assert "attacks" not in found.plugins and "quality" in found.plugins
    assert len(found.code["harness_quality.accuracy"]) > 20 and found.code["no.such.module"] == ""
    assert Installed(**found.to_json()) == found


def test_the_modules_of_a_persons_own_classes_count_too() -> None:
    spec = {"architecture": {"name": "my_net.inner:Net", "options": {}}}
    jobs = [Job("0", "fit", "fit x", spec, (), {})]
    assert modules_named(jobs, ["harness_quality.accuracy"]) == [
        "harness_quality.accuracy",
        "my_net.inner",
    ]
