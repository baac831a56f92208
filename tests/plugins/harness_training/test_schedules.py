"""Schedules against closed forms and against torch's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness_training import constant, cosine, one_cycle, plateau, step, wsd
from harness_training.options import (
    ConstantOptions,
    CosineOptions,
    OneCycleOptions,
    PlateauOptions,
    StepOptions,
    WsdOptions,
)


def test_constant() -> None:
    factor = constant.build(5, ConstantOptions())
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


def test_any_schedule_may_warm_up() -> None:
    rising = [0.25, 0.5, 0.75, 1.0]
    for factor in (
        constant.build(20, ConstantOptions(warm_up=0.2)),
        step.build(20, StepOptions(warm_up=0.2)),
        cosine.build(20, CosineOptions(warm_up=0.2)),
        wsd.build(20, WsdOptions(warm_up=0.2)),
        plateau.build(20, [], PlateauOptions(warm_up=0.2)),
    ):
        assert [factor(at) for at in range(4)] == rising and factor(4) == 1.0


@pytest.mark.parametrize("shape", ["linear", "sqrt", "cosine"])
def test_warm_up_stable_decay(shape: Any) -> None:
    factor = wsd.build(100, WsdOptions(warm_up=0.1, decay=0.2, shape=shape, final=0.1))
    assert [factor(at) for at in range(9, 80)] == [1.0] * 71
    middle = {"linear": 0.5, "sqrt": 1 - 0.5**0.5, "cosine": 0.5}[shape]
    assert factor(89) == pytest.approx(0.1 + 0.9 * middle)
    assert factor(99) == factor(200) == pytest.approx(0.1)


def test_a_plateau_is_torchs() -> None:
    """On forty losses that fall, rest and fall again; torch counts calls, and here each is an epoch."""
    generator = torch.Generator().manual_seed(0)
    losses = (2.0 ** -(torch.arange(40) // 10) + 0.1 * torch.rand(40, generator=generator)).tolist()
    options = PlateauOptions(patience=3, gamma=0.5, threshold=0.01)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=3, factor=0.5, threshold=0.01, min_lr=0, eps=0
    )
    curves: list[dict[str, float | None]] = []
    factor = plateau.build(400, curves, options)
    for epoch, loss in enumerate(losses, start=1):
        scheduler.step(loss)
        curves.append({"epoch": epoch, "train_loss": 0.0, "validation_loss": loss})
        assert factor(10 * epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert factor(0) < 0.2
    trained = [
        row | {"train_loss": row["validation_loss"], "validation_loss": None} for row in curves
    ]
    assert plateau.build(400, trained, options)(0) == factor(0)


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
        lambda: WsdOptions(warm_up=0.5, decay=0.6),
    ):
        with pytest.raises(ValidationError):
            make()
