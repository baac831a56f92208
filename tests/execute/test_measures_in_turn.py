"""Measures of one model that say that they may are taken by one process, and come out as they would alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from here_engine import run_here

import harness
from harness.execute.job import first_left, write_outcome
from harness.execute.request import Request
from harness.execute.together import alike
from harness.plan.jobs import SHARES, TRAINED, Job
from harness.store.records import Outcome

PLUGIN = """
import os, signal, time
import numpy, torch
from pydantic import BaseModel, Field
from harness.api import Architecture, Measure, Metric, hookimpl

HERE = os.path.dirname(__file__)

class Options(BaseModel):
    number: int = Field(default=0, description="tells jobs apart")

def note(words):
    with open(os.path.join(HERE, "calls.txt"), "a") as file:
        file.write(f"{words} {os.getpid()}\\n")

def build(input_shape, num_classes):
    note("build")
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, num_classes))

def run(context):
    number = context.options.number
    note(number)
    print(f"this is {number}", flush=True)
    if os.path.exists(os.path.join(HERE, f"raise {number}")):
        raise ValueError("not this one")
    if os.path.exists(os.path.join(HERE, f"kill {number}")):
        os.kill(os.getpid(), signal.SIGKILL)
    if os.path.exists(os.path.join(HERE, f"exit {number}")):
        os._exit(0)
    if os.path.exists(os.path.join(HERE, f"hang {number}")):
        time.sleep(60)
    yield Metric(name="draw", value=float(torch.rand(())))
    yield Metric(name="numpy", value=float(numpy.random.rand()))
    yield Metric(name="weights", value=float(sum(p.detach().sum() for p in context.model.parameters())))
    yield Metric(name="bytes", value=torch.ones(()).element_size())
    yield Metric(name="word", value=float(len(os.environ.get("IN_TURN", ""))))
    if os.path.exists(os.path.join(HERE, "alone")) or os.path.exists(os.path.join(HERE, "clean")):
        return  # the tests' own process is every job's
    os.environ["IN_TURN"] = "changed"
    torch.set_default_dtype(torch.float64)
    numpy.random.seed(number)

@hookimpl
def harness_register_architectures():
    yield Architecture(name="tiny", build=build, takes=("image",))

@hookimpl
def harness_register_measures():
    shares = not os.path.exists(os.path.join(HERE, "alone"))
    yield Measure(name="one", run=run, scope="architecture", takes=("image",), options=Options, shares_process=shares)
"""


def suite(count: int, **hardware: float) -> dict[str, Any]:
    return {
        "suite": {"name": "turns"},
        "matrix": {"architectures": ["tiny"], "datasets": ["digits"], "floors": False},
        "measure": [{"name": "one", "number": list(range(count))}],
        "hardware": hardware,
    }


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "turns.py"
    path.write_text(PLUGIN)
    return path


def calls(plugin: Path) -> list[str]:
    """Return what was called, with the process of each call."""
    lines = (plugin.parent / "calls.txt").read_text().splitlines()
    (plugin.parent / "calls.txt").unlink()
    return lines


def values(run: harness.Run) -> list[tuple[object, ...]]:
    rows = run.metrics.dropna(subset="architecture").sort_values(["measure", "name"])
    return list(rows[["measure", "name", "value"]].itertuples(index=False, name=None))


def test_each_finds_the_process_as_the_first_did_and_the_model_is_loaded_once(
    plugin: Path,
) -> None:
    in_turn = run_here(suite(4), plugins=[str(plugin)], store=plugin.parent / "store")
    assert [line.split()[0] for line in calls(plugin)] == ["build", "0", "1", "2", "3"]
    (plugin.parent / "alone").touch()
    alone = run_here(suite(4), plugins=[str(plugin)], store=plugin.parent / "other")
    assert [line.split()[0] for line in calls(plugin)] == [
        word for number in "0123" for word in ("build", number)
    ]
    found = values(in_turn)
    assert len(found) == 20 and {value for _, name, value in found if name == "bytes"} == {4.0}
    assert [one for one in found if one[1] != "numpy"] == [
        one for one in values(alone) if one[1] != "numpy"
    ]
    assert len({value for _, name, value in found if name == "numpy"}) == 1  # a run's own
    assert "IN_TURN" not in os.environ
    started = in_turn.data.jobs
    assert len({job.started for job in started if job.sort == "measure"}) > 1
    fingerprints = [
        sorted(job.fingerprint for job in run.data.jobs if job.sort == "measure")
        for run in (in_turn, alone)
    ]
    assert fingerprints[0] == fingerprints[1]


def test_one_that_fails_is_taken_again_alone_and_the_rest_go_on_without_it(plugin: Path) -> None:
    (plugin.parent / "raise 1").touch()
    found = run_here(suite(4), plugins=[str(plugin)], store=plugin.parent / "store")
    rows = found.outcomes.query("sort == 'measure'")
    assert list(rows["status"]) == ["ok", "failed", "ok", "ok"]
    [reason] = rows.query("status == 'failed'")["reason"]
    assert reason == "ValueError: not this one"
    made = [line.split()[0] for line in calls(plugin)]
    assert sorted(word for word in made if word != "build") == ["0", "1", "1", "2", "3"]
    assert made.count("build") == 3


def test_a_process_that_has_taken_long_begins_no_other(
    plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execute.job.LONGEST_SECONDS", 0.0)
    (plugin.parent / "clean").touch()
    found = run_here(suite(4), plugins=[str(plugin)], store=plugin.parent / "store")
    assert set(found.outcomes["status"]) == {"ok"}
    made = [line.split()[0] for line in calls(plugin)]
    assert made == [word for number in "0123" for word in ("build", number)]


def test_of_jobs_in_turn_the_first_without_an_outcome_is_left(tmp_path: Path) -> None:
    requests = []
    for name in "abc":
        (tmp_path / name).mkdir()
        job = Job(name, "measure", f"flops {name}", {}, (), {})
        requests.append(Request(job, str(tmp_path / name)))
    for name, left in zip("abc", (*requests[1:], None), strict=True):
        write_outcome(Outcome(fingerprint=name, status="ok"), tmp_path / name)
        assert first_left(requests) is left


@pytest.mark.slow
def test_what_ends_or_hangs_the_process_costs_the_one_that_was_under_way(plugin: Path) -> None:
    for name in ("kill 1", "exit 3", "hang 5"):
        (plugin.parent / name).touch()
    found = harness.run(
        suite(7, cpu_slots=1, time_limit=4.0), plugins=[str(plugin)], store=plugin.parent / "store"
    )
    rows = found.outcomes.query("sort == 'measure'")
    statuses = ["ok", "crashed", "ok", "crashed", "ok", "timeout", "ok"]
    assert list(rows["status"]) == statuses
    reasons = [reason for reason in rows["reason"] if reason]
    assert "SIGKILL" in reasons[0] and "exit code 0" in reasons[1] and "4 s" in reasons[2]
    made = [line.split() for line in calls(plugin) if not line.startswith("build")]
    assert sorted(number for number, _ in made) == list("011233456")  # what died, twice
    assert len({process for _, process in made}) < len(made)
    for job in found.data.jobs:
        if job.sort == "measure" and job.status == "ok":
            said = (found.data.store / job.folder / "log.txt").read_text().splitlines()
            number = job.label.partition("number=")[2][:1] or "0"
            assert said == [f"this is {number}"]


def test_measures_of_one_model_that_may_are_alike() -> None:
    def measure(**changes: Any) -> Job:
        spec = {
            "architecture": {"name": "mlp"},
            "data": "d",
            "precision": "fp32",
            "fit": "f",
            SHARES: True,
        }
        kept = {name: changes.pop(name) for name in ("exclusive", "threads") if name in changes}
        spec |= changes
        return Job("x", "measure", "m", {k: v for k, v in spec.items() if v}, (), {}, **kept)

    assert alike(measure(measure={"name": "a"})) == alike(measure(measure={"name": "b"})) != ""
    for other in ({"fit": "g"}, {"data": "e"}, {"precision": "bf16"}, {"threads": 2}):
        assert alike(measure(**other)) != alike(measure())
    for never in ({SHARES: None}, {"exclusive": True}, {TRAINED: {"x": 1}}, {"fits": [1]}):
        assert alike(measure(**never)) == ""
