"""Models that cannot be built or run fail by their one batch, and hurt no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness_process import OBSERVER, EndedRun, Workplace, WorkplaceHere, announcements

ARCHITECTURES = """
import torch
from harness.api import Architecture, Measure, Metric, hookimpl

class Wrong(torch.nn.Module):
    def forward(self, inputs):
        return inputs.flatten(1)

class Fails(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def forward(self, inputs):
        raise RuntimeError("the first batch is too much")

def explode():
    raise ValueError("it cannot be built\\nfor reasons")

@hookimpl
def harness_register_architectures():
    yield Architecture(name="build_raises", build=explode, takes=("image",))
    yield Architecture(name="wrong_shape", build=Wrong, takes=("image",))
    yield Architecture(name="first_batch", build=Fails, takes=("image",))
    yield Architecture(name="bad_import", build="heavy_module:Net", takes=("image",))
    yield Architecture(name="exits_on_import", build="deadly_module:Net", takes=("image",))
"""

SUITE = """
[suite]
name = "bad-nets"
[matrix]
floors = false
architectures = {architectures}
datasets = ["digits"]
recipes = ["plain"]
seeds = [0, 1]
[recipes.plain]
epochs = 1
[[measure]]
name = "accuracy"
"""


def write_nets(place: Workplace) -> None:
    place.plugins += [place.write("bad_nets.py", ARCHITECTURES), place.write("noting.py", OBSERVER)]
    place.write("heavy_module.py", "import there_is_no_such_module\nclass Net: pass\n")
    place.write("deadly_module.py", "import os\nos._exit(7)\nclass Net: pass\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> EndedRun:
    place = WorkplaceHere(tmp_path_factory.mktemp("architectures"))
    write_nets(place)
    names = '["mlp", "build_raises", "wrong_shape", "first_batch", "bad_import"]'
    return EndedRun(place, place.write("nets.toml", SUITE.format(architectures=names)))


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("build_raises", "failed", "it cannot be built"),
        ("wrong_shape", "failed", "wrong_shape"),
        ("first_batch", "failed", "the first batch is too much"),
        ("bad_import", "failed", "it needs the module 'there_is_no_such_module'"),
    ],
)
def test_what_cannot_work_fails_by_its_one_batch(
    built: EndedRun, name: str, status: str, words: str
) -> None:
    check_it_fails_by_its_one_batch(built, name, status, words)
    assert "Traceback" in built.logs(f"fit {name}#1 digits")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="jobs have processes of their own there")
def test_what_ends_its_process_is_crashed_and_hurts_no_other(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    write_nets(place)
    suite = SUITE.format(architectures='["mlp", "exits_on_import"]')
    ended = EndedRun(place, place.write("nets.toml", suite))
    check_it_fails_by_its_one_batch(ended, "exits_on_import", "crashed", "exit code 7")
    for seed in (0, 1):
        assert ended.outcomes[f"accuracy mlp#{seed} digits"]["status"] == "ok"


def check_it_fails_by_its_one_batch(built: EndedRun, name: str, status: str, words: str) -> None:
    assert built.code == 1, built.errors
    for seed in (0, 1):
        fit = built.outcomes[f"fit {name}#{seed} digits"]
        assert fit["status"] == status
        assert words in fit["reason"]
        measure = built.outcomes[f"accuracy {name}#{seed} digits"]
        assert measure["status"] == "blocked"
        assert measure["reason"].startswith(
            f"it needs 'fit {name}#{seed} digits', which is {status}"
        )
        assert words in measure["reason"]
    assert words in built.errors


def test_good_ones_are_not_hurt_by_bad_ones(built: EndedRun) -> None:
    for seed in (0, 1):
        assert built.outcomes[f"accuracy mlp#{seed} digits"]["status"] == "ok"


def test_one_batch_of_all_is_tried_before_any_fit(built: EndedRun) -> None:
    lines = announcements(built.place.folder / "announced.jsonl")
    fits = [line for line in lines if line["sort"] == "fit"]
    bad = [n for n, line in enumerate(fits) if line.get("status") in ("failed", "crashed")]
    good = [
        n
        for n, line in enumerate(fits)
        if line["what"] == "started" and line["label"].startswith("fit mlp#")
    ]
    assert len(bad) == 8
    assert good[0] < bad[0] or good[1] > max(bad)  # the first start of mlp is its one batch
    assert all(n > max(bad) for n in good[1:])


@pytest.mark.slow
def test_debug_shows_the_same_failure_here(built: EndedRun) -> None:
    plugin = str(built.place.plugins[0])
    code, text = built.place.call(
        "debug", "fit first_batch#1 digits", "--store", "store", "-p", plugin
    )
    assert code == 1
    assert "failed in" in text and "the first batch is too much" in text
    code, text = built.place.call(
        "debug", "accuracy mlp#1 digits", "--store", "store", "-p", plugin
    )
    assert code == 0, text
    assert "ok in" in text and "accuracy" in text
    code, text = built.place.call("debug", "accuracy mlp#9 digits", "--store", "store")
    assert code == 2 and "did you mean" in text
