"""Trainings by several processes, forked from the tests' own."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from train_cases import CLASSES, SIDE

from harness.execute.rank_processes import Answer, in_ranks
from harness.train.clock import TIMES
from harness.train.fit import FitResult, Training, fit
from harness.train.ranks import ALONE, Ranks


def plain_net(*more: nn.Module) -> nn.Sequential:
    """No batch norm, whose statistics are of a process's own examples."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(),
            *more,
            nn.Flatten(),
            nn.Linear(4 * SIDE * SIDE, CLASSES),
        )


def together(count: int, folder: Path, work: Callable[[Ranks], Any]) -> Any:
    """Return what `work` returns in the first of several processes; what it raises in one fails here."""

    def answering(ranks: Ranks) -> Answer:
        torch.set_num_threads(1)
        try:
            return Answer({"found": work(ranks)})
        except Exception as error:
            return Answer({"error": f"{type(error).__name__}: {error}"}, time.monotonic())

    answer = in_ranks(count, folder, "cpu", answering)
    assert "error" not in answer, answer["error"]
    return answer["found"]


def facts(net: nn.Module, found: FitResult) -> dict[str, Any]:
    """Return what a fit came to, in JSON values."""
    return {
        "losses": [row["train_loss"] for row in found.curves],
        "rows": [
            {name: value for name, value in row.items() if name not in TIMES}
            for row in found.curves
        ],
        "steps": found.steps,
        "best": found.best_epoch,
        "weights": {name: value.tolist() for name, value in net.state_dict().items()},
    }


def fitted(
    net: nn.Module, how: Training, *examples: Any, ranks: Ranks = ALONE, **more: Any
) -> dict[str, Any]:
    """Train a copy of a network and return what it came to."""
    net = copy.deepcopy(net)
    return facts(net, fit(net, how, *examples, ranks=ranks, **more))


def furthest(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Return the largest difference of two fits' weights."""
    names = first["weights"].keys()
    assert names == second["weights"].keys()
    return max(float((_tensor(first, n) - _tensor(second, n)).abs().max()) for n in names)


def _tensor(found: dict[str, Any], name: str) -> Tensor:
    return torch.tensor(found["weights"][name], dtype=torch.float64)
