"""A measure that trains its model again sees the training that the fit was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from as_before import as_before
from safetensors.torch import load_file

from harness.catalogue.host import Host, PluginChoice
from harness.errors import NotApplicable
from harness.execute import fit_job, measure_job, prepare_job
from harness.execute.request import Items, Request
from harness.execute.trainer import train_again
from harness.plan.jobs import Job
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite
from harness.train.fit import Diverged
from harness.train.techniques import TrainingHooks

MEASURE = """
import torch
from harness.api import Measure, Metric, hookimpl
from harness.api.training import TrainingHooks

class Weights(TrainingHooks):
    def begin(self, fitting):
        self.model, self.seen = fitting.model, [self.copied(fitting.model)]
    def copied(self, model):
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}
    def after_epoch(self, epoch):
        self.seen.append(self.copied(self.model))

def run(context):
    found = {}
    for epochs in (0, 1, 3):
        hooks = Weights()
        context.train_again(hooks, epochs)
        found[epochs] = hooks.seen
        yield Metric(name="looks", value=len(hooks.seen), where={"epochs": epochs})
    torch.save(found, context.folder / "seen.pt")

@hookimpl
def harness_register_measures():
    yield Measure(name="weights", run=run, takes=("table",), problems=("classification",), trains_again=True)
"""


def jobs(tmp_path: Path, recipe: dict[str, Any]) -> tuple[list[Job], Items]:
    (tmp_path / "mine.py").write_text(MEASURE)
    catalogue = Host(PluginChoice(files=(str(tmp_path / "mine.py"),))).require_usable()
    suite = {
        "suite": {"name": "again"},
        "matrix": {
            "architectures": ["mlp:dropout=0.2,width=8,normalisation=batch"],
            "datasets": ["iris"],
            "seeds": [4],
            "floors": False,
        },
        "recipes": {"plain": recipe},
        "measure": [{"name": "weights"}],
    }
    return make_plan(load_suite(suite, catalogue), catalogue).jobs, Items(catalogue)


def run_all(tmp_path: Path, planned: list[Job], items: Items) -> dict[str, Path]:
    """Run the jobs one after another; return the folder of each sort."""
    folders: dict[str, Path] = {}
    named: dict[str, Path] = {}
    modules = {"prepare": prepare_job, "fit": fit_job, "measure": measure_job}
    for number, job in enumerate(planned):
        folder = folders[job.fingerprint] = tmp_path / str(number)
        folder.mkdir()
        needs = {need: str(folders[need]) for need in job.needs}
        with as_before():
            modules[job.sort].run(Request(job, str(folder), needs), items, lambda metric: None, {})
        named[job.sort] = folder
    return named


def test_it_starts_and_ends_where_the_fit_does(tmp_path: Path) -> None:
    over = {"learning_rate": [1e-3, 1e-2], "optimizer.weight_decay": [0.0, 0.1]}
    recipe = {"epochs": 3, "search": {"over": over, "trials": 2}}
    planned, items = jobs(tmp_path, recipe)
    assert [job.sort for job in planned] == ["prepare", "fit", "fit", "fit", "measure"]
    assert set(planned[4].needs) == {job.fingerprint for job in planned[:4]}
    folders = run_all(tmp_path, planned, items)
    seen = torch.load(folders["measure"] / "seen.pt", weights_only=True)
    fitted = load_file(next(folders["fit"].glob("*.safetensors")))
    assert [len(seen[epochs]) for epochs in (0, 1, 3)] == [1, 2, 4]
    for name, tensor in seen[3][-1].items():
        assert torch.equal(tensor, fitted[name]), name
        for epochs in (0, 1):
            assert torch.equal(seen[epochs][0][name], seen[3][0][name])
    assert any(not torch.equal(seen[3][0][name], fitted[name]) for name in fitted)


def test_divergence_with_all_that_was_tried_is_said(tmp_path: Path) -> None:
    recipe = {
        "epochs": 1,
        "optimizer": "sgd:learning_rate=1e38",
        "learning_rate": "search",
        "schedule": "constant",
    }
    planned, items = jobs(tmp_path, recipe)
    with pytest.raises(Diverged, match="diverged with each of 5 settings of learning_rate"):
        run_all(tmp_path, planned, items)
    tried = [json.loads((tmp_path / str(n) / "search.json").read_text()) for n in range(1, 6)]
    assert [one["validation_loss"] for one in tried] == [None] * 5


def test_what_trains_nothing_is_said() -> None:
    items, spec = Items(Host().require_usable()), {"training": {"epochs": 0}}
    nothing: Any = None
    with pytest.raises(NotApplicable, match="taken as they are, and not trained"):
        train_again(spec, items, {}, nothing, torch.device("cpu"), TrainingHooks(), 1)
