"""A model's own files, in real runs: what it opens is looked at again, and the figures follow it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch
from harness_process import Workplace, WorkplaceHere, outcomes, rows
from safetensors.torch import save_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc"),
]

NET = """
import importlib, json
from pathlib import Path
import torch
from safetensors.torch import load_file
from . import SHIFT
HERE = Path(__file__).parent

class Net(torch.nn.Module):
    takes = ("image",)

    def __init__(self, num_classes):
        super().__init__()
        width = json.loads((HERE / "net.json").read_text())["width"]
        self.wide = torch.nn.Linear(64, width)
        self.head = torch.nn.Linear(width, num_classes)
        bias = load_file(HERE / "weights" / "base.safetensors")["bias"]
        self.register_buffer("bias", bias)
        self.act = importlib.import_module("own_package." + "acts").act

    def forward(self, x):
        return self.head(self.act(self.wide(x.flatten(1)))) * 0 + self.bias + SHIFT
"""
SUITE = """
[suite]
name = "own"
[matrix]
floors = false
architectures = ["own_package.net:Net", "mlp"]
datasets = ["digits"]
seeds = [0]
[recipes.plain]
epochs = 1
[[measure]]
name = "accuracy"
[[measure]]
name = "flops"
"""
MINE = {
    f"{sort} own_package.net:Net{seed} digits"
    for sort, seed in (("fit", "#0"), ("accuracy", "#0"), ("flops", ""))
}


def write_bias(folder: Path, answer: int) -> None:
    bias = torch.zeros(10)
    bias[answer] = 1.0
    save_file({"bias": bias}, folder / "weights" / "base.safetensors")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace with a package whose net always answers what a file of its own says."""
    place = Workplace(tmp_path_factory.mktemp("files"))
    package = place.folder / "own_package"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("SHIFT = 0.0\n")
    (package / "net.py").write_text(NET)
    (package / "acts.py").write_text("import torch\ndef act(x): return torch.relu(x)\n")
    (package / "net.json").write_text('{"width": 4}')
    write_bias(package, 3)
    place.write("own.toml", SUITE)
    assert len(run(place)) == 7
    return place


def run(place: Workplace, *more: str) -> set[str]:
    """Run the suite, and return the labels of the jobs that were done."""
    store = place.folder / "store"
    code, _, errors = place.run("own.toml", "store", *more)
    assert code == 0, errors
    last = rows(store, "SELECT MAX(id) AS run FROM runs")[0]["run"]
    return {label for label, row in outcomes(store).items() if row["run"] == last}


def run_here(place: Workplace, *more: str) -> set[str]:
    """Run it in this process, which has imported nothing of the package, as in one of its own."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_package"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(place.folder), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        return run(WorkplaceHere(place.folder), *more)


def accuracy(place: Workplace) -> float:
    found = rows(
        place.folder / "store",
        "SELECT value FROM metrics JOIN run_jobs USING (outcome) WHERE name = 'accuracy'"
        " AND label LIKE 'accuracy own_package%' ORDER BY run DESC",
    )
    return float(found[0]["value"])


def test_its_files_and_code_are_looked_at_again(place: Workplace) -> None:
    package = place.folder / "own_package"
    first = accuracy(place)

    (package / "net.json").touch()
    (package / "acts.py").write_text("import torch\n# relu\ndef act(x): return torch.relu(x)\n")
    assert run_here(place) == set()

    (package / "acts.py").write_text("import torch\ndef act(x): return torch.tanh(x)\n")
    assert run(place) == MINE  # what a job imports is new in a process of its own

    (package / "net.json").write_text('{"width": 5}')
    assert run_here(place) == MINE

    (package / "__init__.py").write_text("SHIFT = 1.0\n")
    assert run_here(place) == MINE
    assert accuracy(place) == first

    write_bias(package, 4)
    assert run_here(place) == MINE
    assert accuracy(place) != first


def test_what_depends_on_a_fresh_fit_is_fresh(place: Workplace) -> None:
    assert run_here(place, "--fresh", "fit") == {
        *("fit own_package.net:Net#0 digits", "accuracy own_package.net:Net#0 digits"),
        *("fit mlp#0 digits", "accuracy mlp#0 digits"),
    }


def test_built_in_items_read_nothing_that_is_noted(place: Workplace) -> None:
    noted = rows(
        place.folder / "store",
        "SELECT DISTINCT label, path FROM files_read JOIN run_jobs USING (outcome)"
        " WHERE label NOT LIKE '%own_package%'",
    )
    assert noted == []


CONSTANT = """
import json
from pathlib import Path
from harness.api import Architecture, hookimpl

WIDTH = json.loads(Path(__file__).with_name("constant.json").read_text())["width"]

def build(num_classes):
    from torch import nn
    return nn.Sequential(nn.Linear(4, WIDTH), nn.Linear(WIDTH, num_classes))

@hookimpl
def harness_register_architectures():
    yield Architecture(name="constant", build=build, takes=("table",))
"""
WEIGHED = """
[suite]
name = "weighed"
[matrix]
floors = false
architectures = ["constant", "mlp"]
datasets = ["iris"]
seeds = [0]
[[measure]]
name = "flops"
"""


def test_what_a_plugin_reads_as_it_is_imported_is_looked_at_again(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    (tmp_path / "constant.py").write_text(CONSTANT)
    (tmp_path / "constant.json").write_text('{"width": 4}')
    place.write("own.toml", WEIGHED)
    assert len(run(place, "-p", "constant.py")) == 3
    assert run(place, "-p", "constant.py") == set()
    (tmp_path / "constant.json").write_text('{"width": 8}')
    assert run(place, "-p", "constant.py") == {"flops constant iris"}
    found = rows(
        tmp_path / "store",
        "SELECT value FROM metrics JOIN run_jobs USING (outcome) WHERE name = 'parameters'"
        " AND label = 'flops constant iris' ORDER BY run",
    )
    assert [row["value"] for row in found] == [35, 35, 67]
