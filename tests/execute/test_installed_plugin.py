"""A stranger's package, installed by pip and found by its entry point, beside the built-in items."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from here_command import call_here

ROOT = Path(__file__).parents[2]

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "strangers-plugin"
version = "1.2.3"

[project.entry-points.harness]
stranger = "strangers_plugin"

[tool.hatch.build.targets.wheel]
include = ["strangers_plugin.py"]
"""

SUITE = """
[suite]
name = "strange"

[matrix]
floors = false
architectures = ["one-layer", "mlp:width=16"]
datasets = ["digits"]
recipes = ["plain"]
seeds = [0]

[recipes.plain]
optimizer = "adamw:learning_rate=0.02"
epochs = 1
batch_size = 32

[[measure]]
name = "accuracy"

[[measure]]
name = "confidence"

[[measure]]
name = "adversarial"
attacks = ["random-sign"]
norm = "linf"
epsilons = ["4/16"]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Install the plugin of plugins/README.md into a folder."""
    readme = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    source = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    assert len([line for line in source.splitlines() if line.strip()]) <= 25
    project, installed = tmp_path / "project", tmp_path / "installed"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "strangers_plugin.py").write_text(source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    pip += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(installed)]
    subprocess.run([*pip, str(project)], check=True, timeout=120)
    return installed


SHOWN = {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONWARNINGS": "default"}


@pytest.fixture
def harness(tmp_path: Path, installed: Path) -> Callable[..., str]:
    """Return a function that runs harness in a process, and returns what it prints."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed), **SHOWN},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def harness_here(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Return the same for what needs no process of its own."""
    monkeypatch.syspath_prepend(str(installed))

    def run(*arguments: str) -> str:
        done = call_here(tmp_path, *arguments, **SHOWN)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_its_architecture_attack_and_measure_are_in_the_reports(harness, harness_here, tmp_path):
    found = json.loads(harness("plugins", "--json"))
    (plugin,) = [entry for entry in found["plugins"] if entry["name"] == "stranger"]
    assert plugin["version"] == "1.2.3" and plugin["status"] == "ok"
    items = ["architecture one-layer", "attack random-sign", "measure confidence"]
    assert plugin["items"] == items

    (tmp_path / "strange.toml").write_text(SUITE)
    harness("run", "strange.toml", "--store", "store")
    terminal = harness_here("report", "--store", "store")
    for words in ("one-layer", "mlp:width=16", "confidence %", "robust %", "linf 4/16"):
        assert words in terminal

    report = json.loads(harness_here("report", "--store", "store", "--format", "json"))
    assert {row["architecture"] for row in report["rows"]} == {"one-layer", "mlp:width=16"}
    for row in report["rows"]:
        figures = {key: figure["value"] for key, figure in row["figures"].items()}
        assert 0 < figures["confidence/confidence"] <= 1
        assert 0 < figures["robust"] < figures["headline"]
    attacked = [row for row in report["metrics"] if row.get("attack") == "random-sign"]
    assert len(attacked) == 2
    assert {row["name"] for row in report["metrics"]} >= {"accuracy", "confidence"}
    assert report["unfinished"] == []

    assert "failed" not in harness_here("plugin", "check", "stranger")
