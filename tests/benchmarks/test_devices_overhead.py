"""A fit on two processes against a bare loop with DistributedDataParallel that does the same steps: at most 5 % more.

The bare loop is what a person would write: an order by `randperm` of a common seed, each process's half of every batch by index,
`DistributedDataParallel` with its defaults, the same model, loss, optimizer and learning rate. Both run in the same two
processes and by turns (A B B A ...), on one thread each, timed by the CPU time of the first. What is compared is the median
of the rounds' own ratios, on which a neighbour who comes and goes weighs least.
"""

import copy
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from test_training_overhead import (
    BATCH,
    RATE,
    examples,
    lenet,
    make_optimizer,
    schedule,
)
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from harness.data.prepared import SplitExamples
from harness.execute.rank_processes import Answer, in_ranks
from harness.machine.devices import cpu_count
from harness.train.fit import Training, fit
from harness.train.ranks import Ranks
from harness_training.cross_entropy import build as build_cross_entropy
from harness_training.options import CrossEntropyOptions

EPOCHS, ROUNDS, ALLOWED = 3, 5, 1.05


def ours(model: nn.Module, data: SplitExamples, ranks: Ranks) -> None:
    training = Training(
        objective=build_cross_entropy(CrossEntropyOptions()),
        make_optimizer=make_optimizer,
        make_schedule=schedule,
        epochs=EPOCHS,
        batch_size=BATCH,
        every=EPOCHS,
    )
    fit(model, training, data, ranks=ranks)


def bare(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, ranks: Ranks) -> None:
    torch.manual_seed(0)
    wrapped = DistributedDataParallel(model)
    optimizer = make_optimizer(list(model.named_parameters()))
    starts = range(0, len(inputs), BATCH)
    factor, step = schedule(len(starts) * EPOCHS), 0
    for _ in range(EPOCHS):
        wrapped.train()
        order = torch.randperm(len(inputs))
        total = torch.zeros(())
        for start in starts:
            for group in optimizer.param_groups:
                group["lr"] = RATE * factor(step)
            index = order[start : start + BATCH].chunk(ranks.count)[ranks.rank]
            loss = nn.functional.cross_entropy(wrapped(inputs[index]), targets[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
            step += 1
        float(total)


def in_turns(ranks: Ranks, rounds: int) -> Answer:
    torch.set_num_threads(1)
    data = examples(1088)
    inputs, targets, _ = data.take(torch.arange(len(data)))
    model = lenet()
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(copy.deepcopy(model), data, ranks),
        "bare": lambda: bare(copy.deepcopy(model), inputs, targets, ranks),
    }
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(rounds + 1):
        for name in ("ours", "bare") if number % 2 else ("bare", "ours"):
            ranks.sums([0.0])
            start = time.process_time()
            sides[name]()
            times[name].append(time.process_time() - start)
    return Answer({name: values[1:] for name, values in times.items()})


@pytest.mark.slow
@pytest.mark.exclusive
@pytest.mark.skipif(cpu_count() < 2, reason="it takes two cores")
def test_a_step_costs_what_a_bare_one_does(benchmark, tmp_path: Path) -> None:
    rounds = ROUNDS if benchmark.enabled else 1
    found = benchmark.pedantic(
        in_ranks, args=(2, tmp_path, "cpu", partial(in_turns, rounds=rounds)), rounds=1
    )
    assert len(found["ours"]) == len(found["bare"]) == rounds
    if not benchmark.enabled:
        return
    ratios = [a / b for a, b in zip(found["ours"], found["bare"], strict=True)]
    print(
        f"{1e3 * statistics.median(found['bare']) / (17 * EPOCHS):.2f} ms a bare step; ratios "
        f"{', '.join(f'{ratio:.3f}' for ratio in ratios)}, median {statistics.median(ratios):.3f}"
    )
    assert statistics.median(ratios) < ALLOWED
