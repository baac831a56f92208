"""Schedules against closed forms and against torch's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness_training import constant, cosine, one_cycle, step
from harness_training.options import CosineOptions, OneCycleOptions, StepOptions


def test_constant() -> None:
    factor = constant.build()
    assert [factor(at) for at in range(5)] == [1.0] * 5


def test_cosine() -> None:
    factor = cosine.build(100, CosineOptions(warm_up=0.1, final=0.2))
    assert factor(0) == pytest.approx(0.1)
    assert factor(4) == pytest.approx(0.5)
    assert factor(9) == factor(10) == 1.0
    assert factor(55) == pytest.approx(0.2 + 0.8 * 0.5)
    assert factor(99) == pytest.approx(0.2 + 0.4 * (1 + math.cos(math.pi * 89 / 90)))
    assert factor(100) == factor(1000) == pytest.approx(0.2)


def test_cosine_without_warm_up_is_torchs() -> None:
    factor = cosine.build(20, CosineOptions(warm_up=0.0))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    for at in range(20):
        assert factor(at) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("steps", [10, 37, 340])
def test_one_cycle_is_torchs(steps: int) -> None:
    factor = one_cycle.build(steps, OneCycleOptions())
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, pct_start=0.3, cycle_momentum=False
    )
    for at in range(steps):
        assert factor(at) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-6, abs=1e-12)
        if at < steps - 1:
            optimizer.step()
            scheduler.step()


def test_one_cycle_ends() -> None:
    factor = one_cycle.build(1000, OneCycleOptions(warm_up=0.25, initial=0.1, final=0.001))
    assert factor(0) == pytest.approx(0.1)
    assert factor(249) == pytest.approx(1.0)
    assert factor(999) == factor(2000) == pytest.approx(0.001)


def test_step() -> None:
    factor = step.build(8, StepOptions(milestones=(0.5, 0.75), gamma=0.1))
    expected = [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]
    assert [factor(at) for at in range(8)] == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
@pytest.mark.parametrize(
    ("module", "options"),
    [(cosine, CosineOptions()), (one_cycle, OneCycleOptions()), (step, StepOptions())],
)
def test_between_nought_and_one(module: Any, options: Any, steps: int) -> None:
    factor = module.build(steps, options)
    assert all(0 <= factor(at) <= 1 for at in range(steps + 1))


def test_options_are_checked() -> None:
    for make in (
        lambda: CosineOptions(warm_up=1.0),
        lambda: OneCycleOptions(initial=0.0),
        lambda: StepOptions(milestones=(0.5, 1.0)),
        lambda: StepOptions(gamma=2.0),
    ):
        with pytest.raises(ValidationError):
            make()
