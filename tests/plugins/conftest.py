"""A trained classifier, a trained regression, and a function that measures them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from measure_cases import (
    CLASSES,
    SIDE,
    Column,
    image_examples,
    image_task,
    make_context,
    measure,
    table_examples,
    table_task,
    train,
)
from torch import nn

from harness.api import MeasureContext, Metric


@pytest.fixture(scope="session")
def classifier() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * SIDE * SIDE, CLASSES),
        )
        return train(model, image_examples(90), nn.functional.cross_entropy)


@pytest.fixture(scope="session")
def regression() -> nn.Module:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs[:, 0] - targets) ** 2).mean()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return train(Column(), table_examples(), loss, rate=0.3)


@pytest.fixture
def images(classifier, tmp_path) -> Callable[..., MeasureContext]:
    def make(name: str, model: nn.Module = classifier, **options: Any) -> MeasureContext:
        return make_context(name, model, image_examples(), image_task(), tmp_path, **options)

    return make


@pytest.fixture
def tables(regression, tmp_path) -> Callable[..., MeasureContext]:
    def make(name: str, model: nn.Module = regression, **options: Any) -> MeasureContext:
        return make_context(name, model, table_examples(), table_task(), tmp_path, **options)

    return make


@pytest.fixture
def measure_images(images) -> Callable[..., list[Metric]]:
    return lambda name, **options: measure(images(name, **options), name)


@pytest.fixture
def measure_tables(tables) -> Callable[..., list[Metric]]:
    return lambda name, **options: measure(tables(name, **options), name)
