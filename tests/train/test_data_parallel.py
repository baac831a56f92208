"""Processes that train a model together do the steps of one process, on the same examples."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_cases import fitted, furthest, plain_net, together
from torch import Tensor, nn
from train_cases import (
    adamw,
    cross_entropy,
    sgd,
    small_net,
    split,
    squared_error,
    table_split,
    task,
    training,
)

from harness.data.draws import Draws
from harness.machine.devices import gpus
from harness.train.ranks import Ranks
from harness_certified import ibp
from harness_certified.options import IbpOptions
from harness_training import fast_at, noise, pgd_at, trades
from harness_training.options import FastAtOptions, NoiseOptions, PgdAtOptions, TradesOptions


@pytest.mark.parametrize(
    ("count", "examples", "batch"),
    [
        (2, 99, 64),
        pytest.param(2, 67, 64, marks=pytest.mark.slow),
        pytest.param(3, 77, 25, marks=pytest.mark.slow),
    ],
    ids=["35 left over", "3 left over, for one", "of 9, 8 and 8, with 2 left over for one"],
)
def test_fifty_steps_are_those_of_one_process(
    tmp_path: Path, count: int, examples: int, batch: int
) -> None:
    steps_an_epoch = -(-examples // batch)
    how = training(
        epochs=-(-50 // steps_an_epoch),
        batch_size=batch,
        augmentations=[noise.build(task(), NoiseOptions(std=0.1))],
        make_optimizer=sgd(0.1, momentum=0.9),
        make_schedule=lambda steps, curves: lambda step: 1 - step / steps,
    )
    given = plain_net(), how, split(examples), split(40, seed=1)
    alone = fitted(*given)
    found = together(count, tmp_path, lambda ranks: fitted(*given, ranks=ranks))
    assert found["steps"] == alone["steps"] >= 50
    apart = max(abs(a - b) for a, b in zip(found["losses"], alone["losses"], strict=True))
    assert apart < 1e-5 and found["losses"][-1] < 0.7 * found["losses"][0]
    assert furthest(found, alone) < 1e-4
    for ours, theirs in zip(found["rows"], alone["rows"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.slow
def test_the_first_ones_running_statistics_are_kept(tmp_path: Path) -> None:
    """Each process normalises by its own half of the batch: not the steps of one, but the same for all of them."""
    given = small_net(), training(epochs=3, batch_size=50), split(100), split(40, seed=1)

    def all_of_them(ranks: Ranks) -> Any:
        return ranks.gathered(fitted(*given, ranks=ranks))

    first, second = together(2, tmp_path, all_of_them)
    assert first == second
    assert furthest(first, fitted(*given)) > 1e-4


OBJECTIVES = {
    "pgd-at": lambda: pgd_at.build(task(), PgdAtOptions(epsilon=0.05, steps=3)),
    "trades": lambda: trades.build(task(), TradesOptions(epsilon=0.05, steps=2)),
    "fast-at": lambda: fast_at.build(task(), FastAtOptions(epsilon=0.05, grad_align=0.2)),
    "ibp": lambda: ibp.build(task(), IbpOptions(epsilon=0.02)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_that_attack_inside(tmp_path: Path, name: str) -> None:
    how = training(epochs=5, batch_size=40, objective=OBJECTIVES[name](), make_optimizer=sgd(0.05))
    given = plain_net(), how, split(99)
    alone = fitted(*given)
    found = together(2, tmp_path, lambda ranks: fitted(*given, ranks=ranks))
    assert found["losses"] == pytest.approx(alone["losses"], abs=1e-4)
    assert furthest(found, alone) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("count", "parts"), [(1, 3), (2, 2), (2, 100)])
def test_parts_of_a_batch_come_to_the_same_step(tmp_path: Path, count: int, parts: int) -> None:
    examples = split(90)
    whole = fitted(plain_net(), training(epochs=4, batch_size=32), examples)
    given = plain_net(), training(epochs=4, batch_size=32, accumulate=parts), examples
    found = together(count, tmp_path, lambda ranks: fitted(*given, ranks=ranks))
    assert found["losses"] == pytest.approx(whole["losses"], abs=1e-5)
    assert found["steps"] == whole["steps"] and furthest(found, whole) < 1e-4


@pytest.mark.slow
def test_targets_that_are_numbers(tmp_path: Path) -> None:
    net = nn.Linear(4, 1)
    given = net, training(objective=squared_error, epochs=4, patience=9), table_split(81)
    alone = fitted(*given, table_split(30))
    found = together(2, tmp_path, lambda ranks: fitted(*given, table_split(30), ranks=ranks))
    for name in ("train_loss", "validation_loss"):
        ours, theirs = ([row[name] for row in one["rows"]] for one in (found, alone))
        assert ours == pytest.approx(theirs, rel=1e-4)


class WithUnused(nn.Module):
    """A part that no step uses, and one that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.unused, self.twice = plain_net(), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.twice(torch.relu(self.twice(self.net(inputs))))
        return logits


@pytest.mark.slow
def test_what_no_step_uses_stays_as_it_is(tmp_path: Path) -> None:
    given = WithUnused(), training(epochs=3, make_optimizer=adamw()), split(60)
    found = together(2, tmp_path, lambda ranks: fitted(*given, ranks=ranks))
    alone = fitted(*given)
    assert furthest(found, alone) < 1e-4
    assert found["weights"]["unused.weight"] == given[0].unused.weight.tolist()


class Straying(nn.Module):
    """From the tenth pass on it uses a part that no step before has."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.late, self.calls = plain_net(), nn.Linear(3, 3), 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += self.training
        logits: Tensor = self.net(inputs)
        return self.late(logits) if self.calls > 10 else logits


@pytest.mark.slow
def test_weights_that_come_apart_are_told(tmp_path: Path) -> None:
    given = Straying(), training(epochs=4), split(100)
    with pytest.raises(AssertionError, match="after epoch 2 the 2 devices hold different weights"):
        together(2, tmp_path, lambda ranks: fitted(*given, ranks=ranks))


@pytest.mark.slow
def test_all_stop_at_the_same_epoch_and_keep_the_same_weights(tmp_path: Path) -> None:
    how = training(epochs=40, patience=2, make_optimizer=sgd(1.0))
    given = plain_net(), how, split(60), split(30, seed=1)

    def all_of_them(ranks: Ranks) -> Any:
        return ranks.gathered(fitted(*given, ranks=ranks))

    first, second, third = together(3, tmp_path, all_of_them)
    assert first == second == third
    assert first["best"] + 2 == len(first["rows"]) < 40


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_all(tmp_path: Path) -> None:
    def broken(model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws) -> Any:
        loss, logits = cross_entropy(model, inputs, targets, draws)
        return (loss * float("nan") if 503 in draws.ids.tolist() else loss), logits

    given = plain_net(), training(objective=broken), split(60)
    with pytest.raises(AssertionError, match="Diverged: the training loss became nan in epoch 1"):
        together(2, tmp_path, lambda ranks: fitted(*given, ranks=ranks))


@pytest.mark.slow
def test_what_each_drops_at_random_is_its_own(tmp_path: Path) -> None:
    """The same numbers in all processes would drop the same places of different examples."""

    def drawn(ranks: Ranks) -> Any:
        seen: list[list[float]] = []

        def watched(model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws) -> Any:
            seen.append(torch.rand(3).tolist())
            return cross_entropy(model, inputs, targets, draws)

        fitted(plain_net(), training(objective=watched), split(60), ranks=ranks)
        return ranks.gathered(seen[-1])

    first, second = together(2, tmp_path, drawn)
    assert first != second


ON_TWO_GPUS = """
import sys
from pathlib import Path
import numpy as np
import torch
from rank_cases import facts, plain_net
from train_cases import task, training
from harness.data.prepared import SplitExamples
from harness.execute.rank_processes import Answer, in_ranks
from harness.train.fit import fit
from harness.train.ranks import ALONE

generator = np.random.default_rng(0)
inputs = generator.integers(0, 255, (99, 1, 6, 6), dtype=np.uint8)
arrays = inputs, np.arange(99), generator.integers(0, 3, 99), np.arange(99)

def work(ranks):
    device = torch.device("cuda", ranks.rank)
    net = plain_net(torch.nn.BatchNorm2d(4)).to(device)
    how = training(epochs=10, batch_size=32, sync_batch_norm=ranks.count > 1)
    found = fit(net, how, SplitExamples(*arrays, task(), device), ranks=ranks)
    return Answer(facts(net, found)["losses"])

both = in_ranks(2, Path(sys.argv[1]), "cuda", work)  # before this process itself uses a GPU
alone = work(ALONE).value
assert len(both) == 10
np.testing.assert_allclose(both, alone, atol=1e-4)
"""


@pytest.mark.cuda
@pytest.mark.skipif(len(gpus()) < 2, reason="needs two CUDA GPUs")
def test_two_gpus_do_the_steps_of_one(tmp_path: Path) -> None:
    """On nccl, with batch norms over both."""
    paths = os.pathsep.join(str(Path(__file__).parents[1] / name) for name in ("train", ""))
    subprocess.run(
        [sys.executable, "-c", ON_TWO_GPUS, str(tmp_path)],
        check=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": paths},
    )
