"""A search some of whose trials fail: it goes on, its fits take the best of the others, and the report says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from here_engine import run_here

import harness

pytestmark = pytest.mark.slow

GREEDY = """
import torch
from harness.api import Optimizer, Options, hookimpl

class Rate(Options):
    learning_rate: float = 0.01

class Greedy(torch.optim.SGD):
    def __init__(self, parameters, rate):
        super().__init__(parameters, lr=rate)
        self.rate = rate
    def step(self, closure=None):
        if self.rate > 0.02:
            raise MemoryError
        return super().step(closure)

def build(parameters, learning_rate, options):
    return Greedy([parameter for _, parameter in parameters], learning_rate)

@hookimpl
def harness_register_optimizers():
    yield Optimizer(name="greedy", build=build, options=Rate, source="a test")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    folder = tmp_path_factory.mktemp("greedy")
    (folder / "greedy.py").write_text(GREEDY)
    over = {"learning_rate": [0.001, 0.01, 0.1], "batch_size": [16, 32]}
    common = {"optimizer": "greedy", "epochs": 1}
    suite = {
        "suite": {"name": "greedy"},
        "matrix": {"architectures": ["mlp:width=8"], "datasets": ["iris"]},
        "recipes": {
            "rates": common | {"learning_rate": "search"},
            "tuned": common | {"search": {"over": over, "trials": 6}},
        },
        "measure": [{"name": "accuracy"}],
    }
    return run_here(suite, store=folder / "store", plugins=[str(folder / "greedy.py")])


@pytest.mark.parametrize(("recipe", "trials"), [("rates", 5), ("tuned", 6)])
def test_fits_take_the_best_of_the_trials_that_did_not_fail(
    run: harness.Run, recipe: str, trials: int
) -> None:
    jobs = [job for job in run.data.jobs if job.axes.get("recipe") == recipe]
    tried = [job for job in jobs if job.axes.get("measure") == "search"]
    failed = [job for job in tried if job.status == "oom"]
    assert len(tried) == trials and 0 < len(failed) < trials
    (fit,) = (job for job in jobs if job.sort == "fit" and "seed" in job.axes)
    results = [read(job.folder) for job in tried if job not in failed]
    best = min(results, key=lambda one: one["validation_loss"])
    assert fit.status == "ok" and fit.notes["searched"]["settings"] == best["settings"]
    assert fit.notes["searched"]["candidates"] == trials - len(failed)
    assert fit.notes["searched"]["failed"] == len(failed)
    training = next(one for one in run.summary.provenance.trainings if recipe in one.series)
    words = f"{trials} trials on validation, {len(failed)} of which failed"
    assert words in dict(training.facts)["searched"]
    assert not run.ok  # what failed is tried again


def read(folder: Path | None) -> dict[str, Any]:
    assert folder is not None
    found: dict[str, Any] = json.loads((folder / "search.json").read_text())
    return found


def test_only_a_search_of_given_rates_ends_at_one_of_them(tmp_path: Path) -> None:
    common = {"epochs": 1, "optimizer": "sgd:learning_rate=1e-6"}  # more is better, up to 1e-5
    over = {"learning_rate": {"low": 1e-7, "high": 1e-5}}
    suite = {
        "suite": {"name": "ends"},
        "matrix": {"architectures": ["linear"], "datasets": ["iris"]},
        "recipes": {
            "rates": common | {"learning_rate": "search"},
            "range": common | {"search": {"over": over, "trials": 2}},
        },
        "measure": [{"name": "accuracy"}],
    }
    found = run_here(suite, store=tmp_path / "store").summary.findings
    (at_end,) = (one for one in found if one.code == "search-end")
    assert "rates" in at_end.series
    assert "1e-05, is the largest of the 5 that were tried" in at_end.sentence


def test_what_ended_well_without_a_trial_is_taken_over_where_that_fails_again(
    run: harness.Run,
) -> None:
    plugin = run.data.store.parent / "greedy.py"
    again = run_here(dict(run.data.written), store=run.data.store, plugins=[str(plugin)])
    status = {job.label: job.status for job in run.data.jobs}
    assert {job.label: job.status for job in again.data.jobs} == status
    folders = {job.label: job.folder for job in run.data.jobs}
    for job in again.data.jobs:
        if job.status == "ok":
            assert (job.cached, job.folder) == (True, folders[job.label]), job.label
    assert not again.data.metrics.empty


def test_measures_take_the_model_that_a_search_has_found(tmp_path: Path) -> None:
    over = {"architecture.width": [4, 32], "ema.decay": [0.5, 0.9], "noise.std": [0.01, 0.1]}
    recipe = {"epochs": 4, "techniques": ["ema"], "augmentations": ["noise"]}
    suite = {
        "suite": {"name": "widths"},
        "matrix": {"architectures": ["mlp:depth=1"], "datasets": ["iris"], "floors": False},
        "recipes": {"plain": recipe, "tuned": recipe | {"search": {"over": over, "trials": 3}}},
        "measure": [{"name": "accuracy"}, {"name": "flops"}],
    }
    done = run_here(suite, store=tmp_path / "store")
    assert {job.status for job in done.data.jobs} == {"ok"}
    (fit,) = (job for job in done.data.jobs if "searched" in job.notes)
    found = fit.notes["searched"]["settings"]
    assert found.keys() == over.keys()
    metrics = done.data.metrics
    sizes = metrics[metrics.name == "parameters"].set_index("recipe").value
    width = found["architecture.width"]  # four features, three classes
    assert sizes["tuned"] == width * (4 + 1) + 3 * (width + 1)
    assert sizes["plain"] == 128 * 5 + 3 * 129
    assert len(metrics[(metrics.name == "accuracy") & (metrics.recipe == "tuned")]) == 1
