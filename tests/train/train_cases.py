"""Small trainings, with every part built by hand."""

from typing import Any

import numpy as np
import torch
from torch import nn

from harness.data.prepared import SplitExamples
from harness.data.task import Task
from harness.train.fit import Training

CPU = torch.device("cpu")
CLASSES, SIDE = 3, 6


def task(**changes: Any) -> Task:
    fields = {
        "modality": "image",
        "problem": "classification",
        "input_shape": (1, SIDE, SIDE),
        "outputs": CLASSES,
        "low": 0.0,
        "high": 1.0,
        "scale": 1 / 255,
    }
    return Task(**{**fields, **changes})


def split(n: int = 100, seed: int = 0) -> SplitExamples:
    """A bright row, a bright column or neither; ids are not positions."""
    generator = np.random.default_rng(seed)
    targets = np.arange(n) % CLASSES
    inputs = generator.integers(0, 120, (n, 1, SIDE, SIDE), dtype=np.uint8)
    inputs[targets == 1, :, 2] += 100
    inputs[targets == 2, :, :, 3] += 100
    return SplitExamples(inputs, np.arange(n), targets, 500 + np.arange(n), task(), CPU)


def table_split(n: int = 80, unit: float = 1.0) -> SplitExamples:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(n, 4)).astype(np.float32)
    targets = inputs @ np.array([3.0, -2.0, 1.0, 0.0], dtype=np.float32) * np.float32(unit)
    seen = task(
        modality="table",
        problem="regression",
        input_shape=(4,),
        outputs=1,
        low=-9,
        high=9,
        scale=1.0,
    )
    return SplitExamples(inputs, np.arange(n), targets, np.arange(n), seen, CPU)


def small_net(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(4 * SIDE * SIDE, CLASSES),
        )


def cross_entropy(model, inputs, targets, draws):
    logits = model(inputs)
    return nn.functional.cross_entropy(logits.float(), targets), logits


def squared_error(model, inputs, targets, draws):
    outputs = model(inputs)
    return (outputs.squeeze(1) - targets).square().mean(), outputs


def constant(steps, curves):
    return lambda step: 1.0


def sgd(rate: float = 0.1, **options: Any):
    return lambda named: torch.optim.SGD([p for _, p in named], rate, **options)


def adamw(rate: float = 0.01):
    return lambda named: torch.optim.AdamW([p for _, p in named], rate)


def training(**changes: Any) -> Training:
    fields = {
        "objective": cross_entropy,
        "make_optimizer": adamw(),
        "make_schedule": constant,
        "epochs": 2,
        "batch_size": 16,
        "seed": 3,
    }
    return Training(**{**fields, **changes})


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)
