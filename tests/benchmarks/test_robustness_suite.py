"""The suite `robustness`, one seed, beside the script of a person who knows torch (`robustness_by_hand.py`), by turns.

Both are whole programs, two processes of one thread each; seconds are of CPU, of all their processes, and of the clock. Then the
script's attacks are asked about the suite's own networks, so that robust accuracies are of the same weights, point by point:
network, attack and ball. Starts are random, so the script asked twice differs from itself, too, which is printed beside.
A quarter of an hour on two quiet cores.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import robustness_by_hand
import torch
from here_command import call_here
from here_engine import OPTIONS
from torch import nn

from harness import load_run
from harness.catalogue.host import Host
from harness.data.model import build_model
from harness.data.prepared import PreparedData
from harness.execute.debug import stored_request
from harness.execute.request import Items
from harness.store.store import Store
from harness.train import checkpoint

SHARE_OF_CPU = 1.0  # the aim is 0.5
MEAN_POINTS = 0.3  # that more may stand than under the script's attacks, on average
NEARLY = 5e-3  # of outputs: each normalises by the training digits of its own split
SMALL = (["mlp"], ["standard", "noise"], 1)
WHOLE = (list(robustness_by_hand.NETWORKS), list(robustness_by_hand.RECIPES), 20)
HARNESS = [sys.executable, "-c", "from harness.cli import main; main()"]
Found = dict[str, float]  # robust accuracies by "network recipe attack norm epsilon"


def timed(command: list[Any], folder: Path) -> tuple[float, float]:
    """Return the seconds of CPU and of the clock that a command takes with all its processes."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after, wall = os.times(), time.perf_counter() - began
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system, wall


def run_suite(networks: list[str], recipes: list[str], epochs: int, store: Path) -> list[str]:
    """Return the arguments of `harness` that run the suite, or a part of it."""
    only = itertools.chain.from_iterable(("--only", name) for name in networks)
    lengths = itertools.chain.from_iterable(
        ("--set", f"recipes.{name}.epochs={epochs}") for name in recipes
    )
    kept = ("--set", f"matrix.recipes={recipes}")
    return ["run", "robustness", "--seed", "0", "--store", str(store), *only, *lengths, *kept]


def said(store: Path) -> Found:
    """Return what the suite says of its networks."""
    rows = load_run(store).metrics
    rows = rows[(rows["name"] == "robust_accuracy") & (rows["attack"] != "worst case")]
    found = {}
    for row in rows.to_dict("records"):
        attack = row["attack"].split(":")[0]
        ball = f"{row['norm']} {row['epsilon']}"
        found[f"{row['architecture']} {row['recipe']} {attack} {ball}"] = row["value"]
    return found


class Contiguous(nn.Module):
    """A model whose gradients lie in memory in the order of its inputs, as torchattacks' PGDL2 asks for."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model(inputs.flatten(1).view_as(inputs))


def fitted(store: Path) -> dict[str, tuple[nn.Module, torch.Tensor, torch.Tensor]]:
    """Return each network of a run and the test digits, by "network recipe"."""
    items, found = Items(Host().require_usable()), {}
    jobs = load_run(store).outcomes
    with Store(store, create=False) as opened:
        for job in jobs[jobs["measure"] == "accuracy"].to_dict("records"):
            request = stored_request(opened, job["fingerprint"])
            spec = request.job.spec
            data = PreparedData.open(Path(request.needs[spec["data"]]))
            model = build_model(items("architecture", spec["architecture"]), data.task, load=False)
            checkpoint.load(model, Path(request.needs[spec["fit"]]))
            x, y, _ = next(data.split("test", torch.device("cpu")).batches(1000))
            title = f"{job['architecture']} {job['recipe']}"
            found[title] = Contiguous(model).eval().requires_grad_(False), x, y
    return found


def furthest_apart(store: Path) -> dict[str, float]:
    """Return by how much outputs of the script's networks differ at most from those of the suite's with the same weights."""
    items, found = Items(Host().require_usable()), {}
    judging = load_run(store).outcomes.query("measure == 'accuracy'")["fingerprint"].iloc[0]
    with Store(store, create=False) as opened:
        request = stored_request(opened, judging)
    data = PreparedData.open(Path(request.needs[request.job.spec["data"]]))
    x, _, _ = next(data.split("test", torch.device("cpu")).batches(64))
    images = robustness_by_hand.digits()["train"][0]
    for name in robustness_by_hand.NETWORKS:
        ours = build_model(
            items("architecture", {"name": name, "options": {}}), data.task, load=False
        )
        theirs = robustness_by_hand.Network(name, images)
        pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
        for one, other in pairs:
            other.data.copy_(one.detach())
        with torch.no_grad():
            found[name] = float((ours(x) - theirs(x)).abs().max())
    return found


def judged(store: Path) -> Found:
    """Return what the script's attacks leave of the suite's networks."""
    return {
        f"{title} {ball}": float(stands.float().mean())
        for title, (model, x, y) in fitted(store).items()
        for ball, stands in robustness_by_hand.attacks(model, x, y).items()
    }


def points(one: Found, other: Found) -> list[float]:
    """Return by how many points more stand in one than in the other, at each point, the most first."""
    assert one.keys() == other.keys()
    return sorted((100 * (one[key] - other[key]) for key in one), reverse=True)


@pytest.mark.slow
def test_robustness_suite(benchmark: Any, tmp_path: Path) -> None:
    measuring = benchmark.enabled
    networks, recipes, epochs = cut = WHOLE if measuring else SMALL
    script = [sys.executable, robustness_by_hand.__file__, tmp_path / "table.json"]
    seconds: list[tuple[float, ...]] = []

    def compare() -> None:
        store = tmp_path / f"runs{len(seconds)}"
        if not measuring:  # in this process, and of the script the parts that are used below
            assert call_here(tmp_path, *run_suite(*cut, store), *OPTIONS).returncode == 0
            return
        both = [("script", script), ("suite", [*HARNESS, *run_suite(*cut, store)])]
        taken = {name: timed(command, tmp_path) for name, command in both[:: (-1) ** len(seconds)]}
        seconds.append((*taken["suite"], *taken["script"]))

    benchmark.pedantic(compare, rounds=2 if measuring else 1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        ours = said(tmp_path / "runs0")
        theirs, again = (judged(tmp_path / "runs0") for _ in range(2))
        if not measuring:
            apart = furthest_apart(tmp_path / "runs0")
            assert set(apart) == set(robustness_by_hand.NETWORKS) and max(apart.values()) < NEARLY
            row = robustness_by_hand.trial((networks[0], recipes[0], epochs))[2]
            assert 0.5 < row["accuracy"] and row["pgd linf 0.125"] <= row["fgsm linf 0.125"]
    more = points(ours, theirs)
    assert len(more) == 8 * len(networks) * len(recipes)
    assert statistics.mean(more) <= MEAN_POINTS
    if not measuring:
        return
    cpu = statistics.median(row[0] / row[2] for row in seconds)
    benchmark.extra_info |= {
        "seconds of CPU and of the clock, suite and script": seconds,
        "share of CPU": cpu,
        "share of the clock": statistics.median(row[1] / row[3] for row in seconds),
        "points more, on average": statistics.mean(more),
        "points more, at most": more[:5],
        "script against itself": points(again, theirs)[:5],
    }
    print(f"\n{benchmark.extra_info}")
    assert cpu <= SHARE_OF_CPU
