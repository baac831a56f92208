"""Copies of a data set under one shift are made by one process, and stay jobs of their own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here_engine import run_here

import harness
from harness.catalogue.counts import size_words
from harness.execute.together import alike
from harness.plan.jobs import Job

PLUGIN = """
import os, signal
import torch
from harness.api import Dataset, LoadedData, Measure, Metric, Shift, hookimpl

HERE = os.path.dirname(__file__)

def load():
    inputs = torch.arange(40 * 16, dtype=torch.float32).reshape(40, 1, 4, 4).div(640).numpy()
    return LoadedData(modality="image", problem="classification", inputs=inputs,
                      targets=[k % 2 for k in range(40)], low=0.0, high=1.0)

def apply(inputs, severity, draws):
    with open(os.path.join(HERE, "calls.txt"), "a") as file:
        file.write(f"{severity} {os.getpid()}\\n")
    if os.path.exists(os.path.join(HERE, "level.txt")):
        with open(os.path.join(HERE, "level.txt")) as file:
            inputs = inputs + float(file.read())
    if severity == 1 and os.path.exists(os.path.join(HERE, "fail first")):
        raise ValueError("no first severity")
    if severity == 3 and os.path.exists(os.path.join(HERE, "kill")):
        os.kill(os.getpid(), signal.SIGKILL)
    if severity == 3 and os.path.exists(os.path.join(HERE, "fail")):
        raise ValueError("no third severity")
    return inputs.add_(draws.normal("noise", tuple(inputs.shape[1:])).mul_(severity / 10))

def all_three(options):
    return [("add", severity) for severity in (1, 3, 5)]

def third(options):
    return [("add", 3)]

def run_all_three(context):
    yield from read(context, (1, 3, 5))

def run_third(context):
    yield from read(context, (3,))

def read(context, severities):
    for severity in severities:
        taken = next(context.corrupted("add", severity).batches(4))[0]
        yield Metric(name="mean", value=float(taken.mean()), where={"severity": severity})

@hookimpl
def harness_register_datasets():
    yield Dataset(name="ramps", load=load, modality="image")

@hookimpl
def harness_register_shifts():
    yield Shift(name="add", apply=apply, takes=("image",))

@hookimpl
def harness_register_measures():
    yield Measure(name="reads", run=run_all_three, scope="data", takes=("image",), prepares=all_three)
    yield Measure(name="third", run=run_third, scope="data", takes=("image",), prepares=third)
"""


def suite(measure: str = "reads") -> dict[str, Any]:
    return {
        "suite": {"name": "copies"},
        "matrix": {"architectures": ["mlp"], "datasets": ["ramps"], "floors": False},
        "measure": [{"name": measure}],
    }


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "adding.py"
    path.write_text(PLUGIN)
    return path


def calls(plugin: Path) -> list[str]:
    found = (plugin.parent / "calls.txt").read_text().split("\n")[:-1]
    (plugin.parent / "calls.txt").unlink()
    return found


def statuses(run: harness.Run) -> dict[str, str]:
    return dict(zip(run.outcomes["job"], run.outcomes["status"], strict=True))


def here(plugin: Path, store: str = "store", measure: str = "reads") -> harness.Run:
    return run_here(suite(measure), plugins=[str(plugin)], store=plugin.parent / store)


def test_a_copy_that_fails_fails_alone_and_those_that_are_made_are_kept(plugin: Path) -> None:
    (plugin.parent / "fail").touch()
    found = here(plugin)
    assert statuses(found) == {
        "prepare ramps": "ok",
        "prepare ramps add@1": "ok",
        "prepare ramps add@3": "failed",
        "prepare ramps add@5": "ok",
        "reads ramps": "blocked",
    }
    [reason] = found.outcomes.query("status == 'failed'")["reason"]
    assert reason == "ValueError: no third severity"
    assert [call.split()[0] for call in calls(plugin)] == ["1", "3", "5"]
    (plugin.parent / "fail").unlink()
    assert set(statuses(here(plugin)).values()) == {"ok"}
    assert [call.split()[0] for call in calls(plugin)] == ["3"]


def test_what_the_first_reads_is_what_all_are_made_of_where_it_fails_too(plugin: Path) -> None:
    (plugin.parent / "level.txt").write_text("0")
    (plugin.parent / "fail first").touch()
    assert list(statuses(here(plugin)).values()).count("ok") == 3  # the data and two copies
    (plugin.parent / "fail first").unlink()
    (plugin.parent / "level.txt").write_text("0.25")
    calls(plugin)
    assert set(statuses(here(plugin)).values()) == {"ok"}
    assert [call.split()[0] for call in calls(plugin)] == ["1", "3", "5"]


def test_a_copy_is_the_same_with_others_and_alone_and_is_made_only_where_it_is_asked_for(
    plugin: Path,
) -> None:
    together = here(plugin).metrics.set_index("severity")["value"]
    calls(plugin)
    assert here(plugin, measure="third").ok and not (plugin.parent / "calls.txt").exists()
    alone = here(plugin, "other", "third").metrics.set_index("severity")["value"]
    assert [call.split()[0] for call in calls(plugin)] == ["3"]
    assert alone.loc[3] == together.loc[3] != together.loc[5]


@pytest.mark.slow
def test_what_brings_the_process_down_is_found_where_each_copy_has_its_own(plugin: Path) -> None:
    (plugin.parent / "kill").touch()
    found = harness.run(suite(), plugins=[str(plugin)], store=plugin.parent / "store")
    got = statuses(found)
    assert [got[f"prepare ramps add@{severity}"] for severity in (1, 3, 5)] == [
        "ok",
        "crashed",
        "ok",
    ]
    made = [call.split() for call in calls(plugin)]
    assert sorted(severity for severity, _ in made) == ["1", "1", "3", "3", "5"]
    assert len({process for _, process in made}) == 4  # one for all, then each its own


def test_only_copies_of_one_data_set_under_one_shift_are_alike() -> None:
    def copy(severity: int, **changes: Any) -> Job:
        spec = {"data": "d", "shift": {"name": "fog"}, "severity": severity, "seed": 0} | changes
        return Job(str(severity), "prepare", "copy", spec, ("d",), {})

    assert alike(copy(1)) == alike(copy(5))
    assert alike(copy(1)) != alike(copy(1, shift={"name": "frost"}))
    assert alike(copy(1)) != alike(copy(1, seed=1))
    assert not alike(Job("p", "prepare", "prepare", {"dataset": {}}, (), {}))


def test_copies_that_do_not_fit_the_disk_are_made_where_they_are_read(
    plugin: Path, logged: list[logging.LogRecord]
) -> None:
    def copies(store: str) -> list[np.ndarray[Any, Any]]:
        found = [np.load(path) for path in (plugin.parent / store).glob("jobs/*/*/inputs.npy")]
        return [one for one in found if len(one) < 40]  # and not the clean data

    written = here(plugin).metrics["value"].tolist()
    all_three = copies("store")
    assert len(all_three) == 3 and not logged
    limited = suite() | {"hardware": {"copies": 2 * all_three[0].nbytes + 1}}
    found = run_here(limited, plugins=[str(plugin)], store=plugin.parent / "other")
    assert found.metrics["value"].tolist() == written
    assert len(copies("other")) == 2
    [record] = logged
    told = record.getMessage()
    size = all_three[0].nbytes
    assert told.startswith(
        f"a corrupted copy of ramps takes {size_words(size)}, and 1 byte is left of "
        f"{size_words(2 * size + 1)} ([hardware] copies)"
    )
    calls(plugin)
    again = run_here(suite(), plugins=[str(plugin)], store=plugin.parent / "other", fresh=["reads"])
    assert again.metrics["value"].tolist() == written and len(copies("other")) == 3
    assert [call.split()[0] for call in calls(plugin)] == [
        "5"
    ]  # there is room now for what had none
