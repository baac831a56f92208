"""Files that change between the plan and the job: the outcome must not be kept as that of the old ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from as_before import as_before

from harness.catalogue.host import Host
from harness.errors import DataError
from harness.execute import fit_job, prepare_job
from harness.execute.request import Items, Request
from harness.plan.jobs import Job, Plan
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

TABLE = "a,y\n" + "".join(f"{i * i % 37 / 4},{'no' if i % 3 else 'yes'}\n" for i in range(40))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def run_job(tmp_path: Path) -> Callable[..., Path]:
    def run(job: Job, module: Any, needs: dict[str, Path]) -> Path:
        folder = tmp_path / job.fingerprint
        folder.mkdir(exist_ok=True)
        request = Request(job, str(folder), {key: str(value) for key, value in needs.items()})
        with as_before():
            module.run(request, Items(Host().require_usable()), lambda metric: None, {})
        return folder

    return run


def plan(table: Path, weights: str) -> Plan:
    catalogue = Host().require_usable()
    suite = {
        "suite": {"name": "changed"},
        "matrix": {"architectures": ["mlp"], "datasets": [str(table)], "floors": False},
        "recipes": {"plain": {"epochs": 1, "weights": weights}},
        "measure": [{"name": "accuracy"}],
    }
    return make_plan(load_suite(suite, catalogue), catalogue)


def test_data(table: Path, run_job: Callable[..., Path]) -> None:
    prepare = plan(table, "random").jobs[0]
    run_job(prepare, prepare_job, {})
    table.write_text(TABLE + "0.3,yes\n")
    with pytest.raises(DataError, match=r"the files of '.*t.csv.*' changed after the run"):
        run_job(prepare, prepare_job, {})


def test_weights(table: Path, run_job: Callable[..., Path], tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    random = plan(table, "random").jobs
    data = run_job(random[0], prepare_job, {})
    fitted = run_job(random[1], fit_job, {random[0].fingerprint: data})
    (checkpoint,) = fitted.glob("*.safetensors")
    weights.write_bytes(checkpoint.read_bytes())
    fit = plan(table, str(weights)).jobs[1]
    needs = {fit.needs[0]: data}
    run_job(fit, fit_job, needs)
    from safetensors.torch import load_file, save_file

    state = load_file(weights)
    save_file({name: tensor + torch.ones_like(tensor) for name, tensor in state.items()}, weights)
    with pytest.raises(DataError, match=r"the weights '.*w.safetensors' changed after the run"):
        run_job(fit, fit_job, needs)
