"""A model is loaded once for measures that follow one another, and anew where one has changed it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from harness.execute.loaded_model import LoadedModel


def load() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()


def test_the_generator_is_as_loading_leaves_it() -> None:
    models = LoadedModel()
    first = models.get(load)
    draws = torch.rand(4)
    with torch.no_grad():
        first(torch.ones(2, 2))
    assert models.get(load) is first
    assert torch.equal(torch.rand(4), draws)


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.train(),
        lambda model: model[0].weight.detach().add_(1.0),
        lambda model: model[0].weight.data.mul_(2.0),
        lambda model: model[0].weight.detach().numpy().fill(1.0),
        lambda model: model[1].running_mean.data.add_(1.0),
        lambda model: setattr(model[1], "eps", 0.5),
        lambda model: setattr(model[0], "forward", torch.zeros_like),
        lambda model: model[0].requires_grad_(False),
        lambda model: model(torch.ones(2, 2)).sum().backward(),
        lambda model: model.register_forward_hook(lambda *_: None),
        lambda model: model[0].weight.register_hook(lambda *_: None),
        lambda model: model.append(nn.Identity()),
        lambda model: model.double(),
    ],
    ids=[
        "mode",
        "weights",
        "data",
        "numpy",
        "statistics",
        "attribute",
        "forward",
        "frozen",
        "gradients",
        "hook",
        "weight's hook",
        "module",
        "dtype",
    ],
)
def test_one_that_was_changed_is_loaded_anew(change: Callable[[nn.Module], object]) -> None:
    models = LoadedModel()
    first = models.get(load)
    change(first)
    again = models.get(load)
    assert again is not first and not again.training
    assert torch.equal(again[0].weight, load()[0].weight)
    assert models.get(load) is again


def test_one_whose_bytes_cannot_be_read_is_loaded_anew() -> None:
    def opaque() -> nn.Module:
        model = load()
        model.register_buffer("mask", torch.eye(3).to_sparse())
        return model

    models = LoadedModel()
    first = models.get(opaque)
    assert models.get(opaque) is not first
