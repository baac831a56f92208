"""The door that plugins use: small, light, and the only one."""

from __future__ import annotations

import ast
import importlib
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = (
    "harness.api",
    "harness.api.declaring",
    "harness.api.layers",
    "harness.api.measuring",
    "harness.api.nodes",
    "harness.api.reporting",
    "harness.api.running",
    "harness.api.testing",
    "harness.api.training",
)
PLUGINS = sorted([*ROOT.glob("plugins/*/**/*.py"), *ROOT.glob("reports/harness_*/**/*.py")])


def imports(path: Path) -> dict[str, set[str]]:
    """Return {module: names} of what a file imports of the harness."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module, names = node.module or "", {alias.name for alias in node.names}
            if module.partition(".")[0] == "harness":
                found.setdefault(module, set()).update(names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "harness":
                    found.setdefault(alias.name, set())
    return found


def test_authors_need_some_forty_names() -> None:
    assert len(importlib.import_module("harness.api").__all__) <= 46


def test_each_name_has_one_door() -> None:
    doors = [name for module in MODULES for name in importlib.import_module(module).__all__]
    assert sorted(doors) == sorted(set(doors))


@pytest.mark.parametrize("module", MODULES)
def test_a_door_says_what_it_has(module: str) -> None:
    door = importlib.import_module(module)
    imported = {
        alias.name
        for node in ast.walk(ast.parse(Path(door.__file__ or "").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(door.__all__) == imported
    assert all(getattr(door, name) is not None for name in door.__all__)


def test_pydoc_shows_the_kinds_and_where_the_rest_is() -> None:
    text = pydoc.plain(pydoc.render_doc(importlib.import_module("harness.api")))
    for word in ("harness.api.measuring", "harness.api.reporting", "class Measure", "takes:"):
        assert word in text


def test_plugins_use_no_other_door() -> None:
    assert len(PLUGINS) > 80
    others = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in PLUGINS
        for module in imports(path)
        if module not in MODULES
    }
    assert not others


def test_the_doors_are_light() -> None:
    light = [module for module in MODULES if module != "harness.api.layers"]
    script = f"import sys, {', '.join(light)}; print({{'torch', 'pandas'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
