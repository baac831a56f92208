"""harness/README.md names every module of every wing, and no other; the core names no item of a plugin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host
from harness.catalogue.kinds import KINDS, Measure
from harness.catalogue.shown import GRADED, HEADLINE
from harness.plan.axes import JOB_AXES
from harness.plan.tables import HardwareTable, RecipeTable

ROOT = Path(__file__).parents[1]
CORE = ROOT / "harness"
MAP = (CORE / "README.md").read_text(encoding="utf-8")


def wings() -> dict[str, set[str]]:
    """Return {wing: its modules}."""
    return {
        folder.name: {path.stem for path in folder.glob("*.py")} - {"__init__"}
        for folder in CORE.iterdir()
        if (folder / "__init__.py").exists()
    }


def test_every_module_has_its_line_and_every_line_a_module() -> None:
    text = MAP.partition("## Rooms")[2]
    parts = re.split(r"^### `(\w+)/`$", text, flags=re.MULTILINE)[1:]
    found = {
        wing: set(re.findall(r"^- `(\w+)`: \S", part, flags=re.MULTILINE))
        for wing, part in zip(parts[::2], parts[1::2], strict=True)
    }
    listed, there = (
        {f"{wing}/{module}" for wing, inside in rooms.items() for module in inside}
        for rooms in (found, wings())
    )
    assert (sorted(there - listed), sorted(listed - there)) == ([], []), "not listed; not there"


def test_every_wing_is_in_the_table() -> None:
    table = set(re.findall(r"^\| `(\w+)/` \|", MAP, flags=re.MULTILINE))
    assert table == set(wings())


def test_what_the_ways_pass_exists() -> None:
    ways = MAP.partition("## Five ways through the house")[2].partition("## Rooms")[0]
    assert ways.count("**From ") == 5
    named = re.findall(r"`(\w+/\w+)`", ways)
    assert len(named) > 30
    assert [name for name in named if not (CORE / f"{name}.py").exists()] == []


# -- names of the core's own, which plugins use too

WORDS = {
    *(*KINDS, *JOB_AXES, HEADLINE),
    *(*RecipeTable.model_fields, *HardwareTable.model_fields),
}
COMMON = {  # words that name many other things: operators, units, columns, facts, shapes, file suffixes
    *("bytes", "energy", "epoch", "flip", "json", "limit", "memory", "mode", "norm", "parameters"),
    *("source", "square", "step"),
}
ALLOWED = {
    # What stores held before measures declared what they yield: the way back from formats 1.
    "harness/store/format_1.py": {
        *(
            "accuracy",
            "adversarial",
            "clean_accuracy",
            "epsilon",
            "latency",
            "mean_shifted_accuracy",
        ),
        *(
            "r2",
            "robust_accuracy",
            "severity",
            "shifted_accuracy",
            "target",
            "throughput",
        ),
        *("training_throughput", "transfer", "transfer_accuracy"),
    },
    "harness/summary/gallery_format_1.py": {"adversarial", "confidence", "epsilon_text"},
    # What is shown, and where jobs run, where a person has asked for nothing else.
    "harness/cli/report_command.py": {"terminal"},
    "harness/cli/run_command.py": {"local"},
    "harness/cli/terminal.py": {"terminal"},
    "harness/execute/run.py": {"local"},
    "harness/execute/session.py": {"html", "local", "terminal"},
    # A plugin of the core's own, and the renderers' own names.
    "harness/execute/engines.py": {"local"},
    "reports/harness_reports/__init__.py": {
        *("csv", "html", "markdown", "parquet", "pytest-benchmark", "terminal"),
    },
    # A severity is what a shift is given (`catalogue/kinds`), and an invented run has figures.
    "harness/data/streamed.py": {"severity"},
    "harness/execute/prepare_job.py": {"severity"},
    "harness/plan/context.py": {"severity"},
    "harness/contracts/report.py": {"accuracy", "digits"},
    # Libraries, which have the names of their families.
    "harness/catalogue/torchvision_import.py": {"timm", "torchvision"},
    "harness/machine/doctor.py": {"ray", "timm", "torchvision"},
    "harness/machine/environment.py": {"timm", "torchvision"},
    # Figures of training, and an operator of torch, an optimizer's of its own.
    "harness/execute/fit_job.py": {"accuracy"},
    "harness/measure/product_free.py": {
        *("adamw", "gru", "linear", "lstm", "rnn", "sgd", "transformer"),
    },
}


def names_of_items(catalogue: Catalogue) -> set[str]:
    """Return the names of all items, and the metrics, columns and axes that measures declare."""
    found = set()
    for kind in KINDS:
        for name, entry in catalogue.entries(kind).items():
            found.add(name.rstrip("/"))
            if isinstance(item := entry.item, Measure):
                found |= {key for axis in item.axes for key in axis.keys}
                found |= {word for shown in item.shows for word in (shown.metric, shown.key)}
                found |= {metric for chart in item.charts for metric in chart.metrics}
    return found - WORDS - COMMON - {"", GRADED}


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings, and of f-strings the constant parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("folder", ["harness", "reports/harness_reports"])
def test_no_item_of_a_plugin_is_known_by_name(folder: str) -> None:
    names = names_of_items(Host().catalogue)
    assert {"vit", "pgd", "robust_accuracy", "robust", "severity", "one-cycle"} <= names
    found: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        if known := names & set(texts(path)):
            found[str(path.relative_to(ROOT))] = known
    allowed = {path: words for path, words in ALLOWED.items() if path.startswith(folder)}
    assert found == allowed
