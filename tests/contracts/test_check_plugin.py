"""`harness plugin check`: what may be named, and what is said of it."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.catalogue.host import Host, PluginChoice
from harness.cli.plugin_command import command
from harness.contracts import _installed, check_plugin
from harness.errors import PluginError

ROOT = Path(__file__).parents[2]
README = ROOT / "plugins" / "README.md"


def readme_plugin() -> str:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]


def test_the_plugin_of_the_readme_has_25_lines_and_keeps_all_contracts(tmp_path):
    source = readme_plugin()
    assert len([line for line in source.splitlines() if line.strip()]) <= 25
    assert max(map(len, source.splitlines())) <= 100
    path = tmp_path / "readme_plugin.py"
    path.write_text(source)
    results = list(check_plugin(str(path)))
    assert [result for result in results if result.word != "ok"] == []
    assert {result.item for result in results} == {
        "plugin readme_plugin",
        "architecture one-layer",
        "attack random-sign",
        "measure confidence",
    }


@pytest.mark.parametrize(
    ("kind", "begins", "item"),
    [
        ("measure", r"def run\(context\):\n        largest", "measure spread"),
        ("attack", r"def prepare\(context\):", "attack one-for-all"),
    ],
)
def test_the_indented_examples_of_the_readme_keep_all_contracts(tmp_path, kind, begins, item):
    text = README.read_text(encoding="utf-8")
    (block,) = re.findall(rf"    {begins}.*?\n    {kind.capitalize()}\([^\n]*", text, re.DOTALL)
    functions, _, call = textwrap.dedent(block).rpartition("\n\n")
    path = tmp_path / f"{kind}_plugin.py"
    path.write_text(
        f"from harness.api import {kind.capitalize()}, Metric, differentiable_recurrence, hookimpl\n"
        f"{functions}\n@hookimpl\ndef harness_register_{kind}s():\n    yield {call}\n"
    )
    results = list(check_plugin(str(path)))
    assert [result for result in results if result.word != "ok"] == []
    assert item in {result.item for result in results}


def test_a_folder_and_an_installed_name_are_checked(tmp_path):
    known = Host().catalogue.entries("modality").items()
    modalities = {f"modality {name}" for name, entry in known if entry.plugin == "modalities"}
    assert len(modalities) >= 3
    folder = tmp_path / "folder_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from harness.api import Schedule, hookimpl\n"
        "@hookimpl\n"
        "def harness_register_schedules():\n"
        "    yield Schedule(name='half', build='folder_plugin.half:build')\n"
    )
    (folder / "half.py").write_text("def build(steps):\n    return lambda step: 0.5\n")
    for path, items in (
        (str(folder), {"plugin folder_plugin", "schedule half"}),
        ("modalities", {"plugin modalities", *modalities}),
        (str(ROOT / "plugins" / "harness_modalities"), {"plugin modalities", *modalities}),
    ):
        results = list(check_plugin(path))
        assert all(result.ok for result in results)
        assert {result.item for result in results} == items
    # one of a single module; to check it starts servers
    assert _installed(str(ROOT / "harness" / "execute" / "engines.py")) == "engines"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "it has no hook"),
    ],
)
def test_a_plugin_that_does_not_load_is_one_failure_in_words(tmp_path, source, reason):
    path = tmp_path / "unloadable.py"
    path.write_text(source)
    (result,) = check_plugin(str(path))
    assert not result.ok and reason in result.reason


def test_a_clash_with_a_built_in_name_is_told_and_the_rest_is_checked(tmp_path):
    path = tmp_path / "clashing.py"
    path.write_text(
        "from harness.api import Schedule, hookimpl\n"
        "@hookimpl\n"
        "def harness_register_schedules():\n"
        "    yield Schedule(name='cosine', build=lambda: lambda step: 1.0)\n"
        "    yield Schedule(name='mine', build=lambda: lambda step: 1.0)\n"
    )
    results = list(check_plugin(str(path)))
    (failed,) = [result for result in results if not result.ok]
    assert failed.contract == "No other plugin provides its names."
    assert "'training' and 'clashing' both provide the schedule 'cosine'" in failed.reason
    assert "schedule mine" in {result.item for result in results}


def test_a_plugin_that_only_observes_is_fine(tmp_path):
    path = tmp_path / "observer.py"
    path.write_text(
        "from harness.api import hookimpl\n@hookimpl\ndef harness_run_finished(event): pass\n"
    )
    results = list(check_plugin(str(path)))
    assert all(result.ok for result in results)
    assert "harness_run_finished" in results[-1].reason


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A plugin that is installed, started where a folder has its name."""
    installed, here = tmp_path / "installed", tmp_path / "here"
    source = (
        "from harness.api import Schedule, hookimpl\n"
        "@hookimpl\n"
        "def harness_register_schedules():\n"
        "    yield Schedule(name='half', build=lambda: lambda step: 0.5)\n"
    )
    facts = installed / "stranger-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[harness]\nstranger = stranger\n")
    (installed / "stranger.py").write_text(source)
    (here / "stranger").mkdir(parents=True)
    (here / "stranger" / "__init__.py").write_text(source.replace("half", "third"))
    monkeypatch.syspath_prepend(installed)
    monkeypatch.chdir(here)
    yield
    sys.modules.pop("stranger", None)


def test_an_installed_name_wins_over_a_folder_of_that_name(stranger):
    assert {one.item for one in check_plugin("stranger")} == {"plugin stranger", "schedule half"}
    (plugin, item) = sorted({one.item for one in check_plugin("./stranger")})
    assert plugin == "plugin ./stranger" and item == "schedule third"
    host = Host(PluginChoice(files=("stranger",)))  # and neither hides the other's items
    assert {"half", "third"} <= set(host.require_usable().entries("schedule"))


def test_a_check_of_nothing_fails(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text(
        "from harness.api import hookimpl\n@hookimpl\ndef harness_register_attacks(): return []\n"
    )
    shown = CliRunner().invoke(command, ["check", str(path)])
    assert shown.exit_code == 1
    assert "harness_register_attacks yielded no item, so there is nothing to check" in shown.output


def test_an_unknown_name_is_refused_with_what_is_near(tmp_path):
    with pytest.raises(PluginError, match="did you mean 'attacks'"):
        list(check_plugin("attack"))
    with pytest.raises(PluginError, match="no such file"):
        list(check_plugin(str(tmp_path / "missing.py")))


def test_the_command_prints_a_line_a_contract_and_exits_1_on_a_failure(tmp_path):
    path = tmp_path / "steep.py"
    path.write_text(
        "from harness.api import Schedule, hookimpl\n"
        "@hookimpl\n"
        "def harness_register_schedules():\n"
        "    yield Schedule(name='steep', build=lambda: lambda step: 2.0)\n"
    )
    shown = CliRunner().invoke(command, ["check", str(path)])
    assert shown.exit_code == 1
    assert "failed      schedule steep: Its factors are finite" in shown.output
    assert "step 0 of 1 has the factor 2" in shown.output
    assert shown.output.strip().splitlines()[-1] == "1 item; 13 ok, 1 failed"
    rows = json.loads(CliRunner().invoke(command, ["check", "--json", str(path)]).output)
    assert [row["contract"] for row in rows if row["status"] == "failed"] == [
        "Its factors are finite and from 0 to 1, for runs of 1 to 1000 steps."
    ]
    passing = CliRunner().invoke(command, ["check", "modalities"])
    assert passing.exit_code == 0 and "failed" not in passing.output


def test_importing_the_contracts_imports_no_torch():
    code = "import sys, harness.contracts; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
