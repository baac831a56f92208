"""`harness plugin new`: what it writes is green as written; and the README's example of every kind."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import KINDS
from harness.contracts import check_plugin
from harness.contracts.new_plugin import kind_examples, plugin_files, write_plugin
from harness.errors import UsageError

EXAMPLES = kind_examples()


def test_every_kind_has_an_example_in_the_readme() -> None:
    assert sorted(EXAMPLES) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_loads_and_keeps_all_contracts(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"readme_{kind}.py"
    path.write_text(EXAMPLES[kind])
    results = list(check_plugin(str(path)))
    assert [result for result in results if result.word != "ok"] == []
    (item,) = {result.item for result in results} - {f"plugin {path.stem}"}
    assert item.startswith(f"{kind} ")


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_imports_nothing_heavy_and_only_the_doors(kind: str) -> None:
    modules = {
        str(node.module) if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.parse(EXAMPLES[kind]).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    others = {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"harness.api", "harness.api.running", "harness.api.training", "pydantic"}


def test_the_files_of_a_new_plugin() -> None:
    files = plugin_files("my-edges", ["attack", "measures", "attack"])
    assert set(files) == {
        "pyproject.toml",
        ".github/workflows/check.yml",
        "tests/test_contracts.py",
        "my_edges/__init__.py",
        "my_edges/attack.py",
        "my_edges/measure.py",
    }
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["entry-points"]["harness"] == {"my_edges": "my_edges"}
    assert 'name="my-edges", perturb=perturb' in files["my_edges/attack.py"]
    assert 'name="dimmed_accuracy"' in files["my_edges/measure.py"]
    assert '"attack my-edges"' in files["tests/test_contracts.py"]
    assert 'pip install -e ".[test]"' in files[".github/workflows/check.yml"]
    assert "matrix.python }}" in files[".github/workflows/check.yml"]


def test_a_new_plugin_lists_under_its_name(tmp_path: Path) -> None:
    list(write_plugin(tmp_path / "all", plugin_files("all-of-them", list(KINDS))))
    host = Host(PluginChoice(files=(str(tmp_path / "all" / "all_of_them"),)))
    host.require_usable()
    record = host.plugins[-1]
    assert record.items == [f"{kind} all-of-them" for kind in KINDS]


@pytest.mark.parametrize(
    ("name", "kinds", "words"),
    [
        ("My Plugin", ["attack"], "'My Plugin' is no name of a plugin: write small letters"),
        ("json", ["attack"], "Python has a module 'json' already"),
        ("class", ["attack"], "Python has a module 'class' already"),
        ("harness-attacks", ["attack"], "Python has a module 'harness_attacks' already"),
        ("edges", ["atack"], "no kind is named 'atack'; did you mean 'attacks'"),
        ("edges", [""], "no kind is named ''"),
    ],
)
def test_what_is_no_plugin_is_refused(name: str, kinds: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plugin_files(name, kinds)


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        list(write_plugin(tmp_path, plugin_files("edges", ["attack"])))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_new_plugin_is_green_as_written(tmp_path: Path) -> None:
    """With an item of every kind, written by the command, installed by pip, tested by its own tests."""

    def run(*command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    site = tmp_path / "site"
    cli = (sys.executable, "-c", "from harness.cli import main; main()")
    run(*cli, "plugin", "new", "every-kind", "--kinds", "all")
    install = ("--no-deps", "--no-build-isolation", "--target", str(site), "./every-kind")
    run(sys.executable, "-m", "pip", "install", "--quiet", *install)
    assert (site / "every_kind" / "engine.py").is_file()
    passed = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "./every-kind")
    assert "1 passed" in passed and "failed" not in passed
    listed = run(*cli, "list")
    assert listed.count("every-kind") == len(KINDS)
