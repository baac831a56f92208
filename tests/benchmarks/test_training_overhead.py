"""The training loop against a bare PyTorch loop that does the same steps: at most 3 % more.

The bare loop is what a person would write for one experiment: examples in a float tensor on the device,
a shuffled order by `randperm`, batches by index, the same model, loss, optimizer and learning rate of
each step, and a curve of the mean loss. It draws nothing by example, judges no accuracy and checks
nothing; its maps lie in memory as a fit's do, which finds out how within its own time, once. Neither validates. Both run in one process and by turns (A B B A ...) on one thread, timed by
the CPU time of the process. The ratio of the medians and the median of the rounds' own ratios are
printed and kept as `extra_info`; the second is held to the limit, as a neighbour on the machine who
comes and goes weighs on it least.
"""

import contextlib
import copy
import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from harness.data.prepared import SplitExamples
from harness.data.task import Task
from harness.train.fit import Training, fit
from harness.train.maps_by_channels import maps_by_channels
from harness_training.cross_entropy import build as build_cross_entropy
from harness_training.one_cycle import build as build_one_cycle
from harness_training.options import CrossEntropyOptions, OneCycleOptions

CPU = torch.device("cpu")
BATCH, RATE, ALLOWED = 64, 1e-3, 1.03


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def larger() -> nn.Module:
    widths, layers = (1, 32, 64, 64), []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def examples(n: int) -> SplitExamples:
    """As many images of 8 x 8 as digits has for training, in the same stored form."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 17, (n, 1, 8, 8)).astype(np.uint8)
    task = Task(
        modality="image",
        problem="classification",
        input_shape=(1, 8, 8),
        outputs=10,
        low=0.0,
        high=1.0,
        scale=1 / 16,
    )
    targets = generator.integers(0, 10, n)
    return SplitExamples(inputs, np.arange(n), targets, np.arange(n), task, CPU)


def schedule(steps: int, curves: object = ()) -> Callable[[int], float]:
    return build_one_cycle(steps, OneCycleOptions())


def make_optimizer(named: list[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for _, p in named], RATE, fused=True)


def harness_loop(model: nn.Module, data: SplitExamples, epochs: int) -> list[float]:
    training = Training(
        objective=build_cross_entropy(CrossEntropyOptions()),
        make_optimizer=make_optimizer,
        make_schedule=schedule,
        epochs=epochs,
        batch_size=BATCH,
    )
    return [row["train_loss"] or 0.0 for row in fit(model, training, data).curves]


def bare_loop(
    model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, epochs: int
) -> list[float]:
    torch.manual_seed(0)
    optimizer = make_optimizer(list(model.named_parameters()))
    starts = range(0, len(inputs), BATCH)
    factor = schedule(len(starts) * epochs)
    curve, step = [], 0
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(inputs))
        total = torch.zeros(())
        for start in starts:
            for group in optimizer.param_groups:
                group["lr"] = RATE * factor(step)
            index = order[start : start + BATCH]
            batch, labels = inputs[index], targets[index]
            loss = nn.functional.cross_entropy(model(batch), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
            step += 1
        curve.append(float(total) / len(inputs))
    return curve


@pytest.mark.parametrize(
    ("make", "n", "epochs", "rounds"), [(lenet, 1078, 30, 20), (larger, 320, 12, 16)]
)
def test_training_overhead(benchmark, make, n, epochs, rounds):
    torch.manual_seed(0)
    start, data = make(), examples(n)
    inputs, targets, _ = data.take(torch.arange(n))
    measuring = benchmark.enabled
    if not measuring:
        epochs, rounds = 1, 1
    loops = {
        "harness": lambda model: harness_loop(model, data, epochs),
        "bare": lambda model: bare_loop(model, inputs, targets, epochs),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}

    def compare() -> None:
        order = list(loops) if len(seconds["bare"]) % 2 else list(reversed(loops))
        for name in order:
            model = copy.deepcopy(start)
            as_in_a_fit = (
                maps_by_channels(model, lambda: inputs[:BATCH], nn.Module.train)
                if name == "bare"
                else contextlib.nullcontext()
            )
            with as_in_a_fit:
                began = time.process_time()
                loops[name](model)
                seconds[name].append(time.process_time() - began)

    benchmark.pedantic(compare, rounds=rounds, warmup_rounds=1 if measuring else 0)
    assert len(seconds["harness"]) == len(seconds["bare"]) == (rounds + 1 if measuring else 1)
    if not measuring:
        return
    ours, bare = (seconds[name][1:] for name in loops)
    ratios = sorted(a / b for a, b in zip(ours, bare, strict=True))
    ratio, outer = statistics.median(ratios), int(len(ratios) / 2 - math.sqrt(len(ratios)))
    benchmark.extra_info |= {
        "ratio_of_medians": statistics.median(ours) / statistics.median(bare),
        "median_of_ratios": ratio,
        "interval": (ratios[outer], ratios[-1 - outer]),  # 95 %, by the sign test
        "microseconds_a_step": 1e6 * statistics.median(ours) / (epochs * -(-n // BATCH)),
    }
    print(f"\n{make.__name__}: {benchmark.extra_info}")
    assert ratio <= ALLOWED
