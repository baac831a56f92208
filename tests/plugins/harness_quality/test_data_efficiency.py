"""Errors by the number of training examples, and the law over them, of models whose errors are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_task, make_context, measure, named, table_task
from torch import nn

from harness.api import FittedModel, NotApplicable
from harness.catalogue.finding import read_findings

N = 1000


class Wrong(nn.Module):
    """Wrong on the first examples, whose number stands in their first pixel."""

    def __init__(self, count: float) -> None:
        super().__init__()
        self.count = count

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        wrong = inputs[:, 0, 0, 0] < self.count
        return torch.stack([~wrong, wrong], dim=1).float()


class Off(nn.Module):
    """The mean of the targets, and a share of what a target is beside it, which stands in the first column."""

    def __init__(self, unexplained: float) -> None:
        super().__init__()
        self.share = 1 - unexplained**0.5

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 5 + self.share * (inputs[:, :1] - 5)


def fits(errors: dict[int, list[float]], make: Any, **more: Any) -> tuple[FittedModel, ...]:
    """Return a model for each number of training examples and seed."""
    return tuple(
        FittedModel(
            architecture="net",
            recipe=f"plain train_share={size}",
            dataset="x",
            seed=seed,
            load=lambda error=error: make(error),
            whole_recipes=("plain",),
            train_examples=size,
            **more,
        )
        for size, of_seeds in errors.items()
        for seed, error in enumerate(of_seeds)
    )


def pictures() -> InMemory:
    inputs = torch.zeros(N, 1, 6, 6)
    inputs[:, 0, 0, 0] = torch.arange(N)
    return InMemory(inputs, torch.zeros(N, dtype=torch.long), torch.arange(N))


def law(n: float) -> float:
    return 0.3 * (n / 50) ** -0.5 + 0.02


SIZES = (50, 100, 200, 400, 800)


def test_the_law_of_shares_that_are_wrong(tmp_path: Path) -> None:
    errors = {n: [round(N * law(n)) + off for off in (-2, 0, 2)] for n in SIZES}
    task = replace(image_task(), outputs=2)
    context = make_context("data_efficiency", nn.Identity(), pictures(), task, tmp_path)
    found = measure(replace(context, fits=fits(errors, Wrong)), "data_efficiency")
    curve = named(found, "learning_error")
    assert [one.where["train_examples"] for one in curve] == list(SIZES)
    for one in curve:
        assert one.value == pytest.approx(law(one.where["train_examples"]), abs=5e-4)
        assert one.low < one.value < one.high and one.unit == "fraction"
        assert one.where["recipe"] == "plain train_share=800" and one.n == 3
    (exponent,), (twice,), (gain,) = (
        named(found, name) for name in ("learning_exponent", "error_at_twice", "gain_of_twice")
    )
    assert exponent.low < 0.5 < exponent.high and exponent.value == pytest.approx(0.5, abs=0.1)
    assert twice.low < law(1600) < twice.high
    assert gain.value == pytest.approx(1 - law(1600) / law(800), abs=0.03) and gain.low > 0
    drawn = {one.where["train_examples"]: one.value for one in named(found, "law_error")}
    assert {*SIZES, 1600} <= drawn.keys() and max(drawn) == 1600
    assert drawn[1600] == twice.value
    (said,) = read_findings(tmp_path) or ()
    assert "with 1,600 it would be" in said.sentence and "lowers the error further" in said.advice


def test_a_model_that_another_recipe_comes_to_ends_the_curve(tmp_path: Path) -> None:
    """All examples under "plain", the shares of them under two other names: one way of training, and one curve."""
    *shares, whole = fits({n: [N * law(n)] for n in SIZES}, Wrong)
    shares[0] = replace(shares[0], whole_recipes=("few",))
    whole = replace(whole, recipe="long", whole_recipes=("long", "plain", "few"))
    task = replace(image_task(), outputs=2)
    context = make_context("data_efficiency", nn.Identity(), pictures(), task, tmp_path)
    found = measure(replace(context, fits=(*shares, whole)), "data_efficiency")
    curve = named(found, "learning_error")
    assert [one.where["train_examples"] for one in curve] == list(SIZES)
    assert {one.where["recipe"] for one in curve} == {"long"}


def test_a_curve_that_has_come_to_rest_promises_nothing(tmp_path: Path) -> None:
    errors = {n: [200.0 + off for off in (-30, 0, 30)] for n in SIZES}
    task = replace(image_task(), outputs=2)
    context = make_context("data_efficiency", nn.Identity(), pictures(), task, tmp_path)
    found = measure(replace(context, fits=fits(errors, Wrong)), "data_efficiency")
    (gain,) = named(found, "gain_of_twice")
    assert gain.value == pytest.approx(0, abs=1e-6)
    (said,) = read_findings(tmp_path) or ()
    assert said.advice.startswith("It is not sure")
    (exponent,) = named(found, "learning_exponent")
    outside = exponent.low < 0.01 or exponent.high > 4
    assert ("; 0.01 to 4 were tried, so beyond these it says nothing)" in said.sentence) is outside
    assert outside  # errors that do not fall have any exponent


def test_of_a_regression_it_is_the_share_that_is_not_explained(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    targets = generator.normal(5, 2, N)
    targets = torch.from_numpy(5 + (targets - targets.mean())).float()
    inputs = targets[:, None].repeat(1, 4)
    data = InMemory(inputs, targets, torch.arange(N))
    errors = {n: [law(n)] for n in SIZES}
    context = make_context("data_efficiency", nn.Identity(), data, table_task(), tmp_path)
    found = measure(replace(context, fits=fits(errors, Off)), "data_efficiency")
    for one in named(found, "learning_error"):
        assert one.value == pytest.approx(law(one.where["train_examples"]), rel=1e-3)
    (exponent,) = named(found, "learning_exponent")
    assert exponent.value == pytest.approx(0.5, rel=0.03)


def test_too_few_numbers_of_examples_are_refused_in_words(tmp_path: Path) -> None:
    task = replace(image_task(), outputs=2)
    context = make_context("data_efficiency", nn.Identity(), pictures(), task, tmp_path)
    few = fits({50: [1.0], 100: [1.0]}, Wrong)
    with pytest.raises(
        NotApplicable, match=r"4 numbers of examples or more, and here are 2; write train_share"
    ):
        measure(replace(context, fits=few), "data_efficiency")


def test_a_curve_without_a_common_seed_leaves_the_others(tmp_path: Path) -> None:
    """Of the recipe "other" no seed was trained on all numbers, as fits failed."""
    task = replace(image_task(), outputs=2)
    context = make_context("data_efficiency", nn.Identity(), pictures(), task, tmp_path)
    whole = fits({n: [N * law(n)] for n in SIZES}, Wrong)
    torn = [replace(one, recipe="other", whole_recipes=("other",)) for one in whole]
    torn[0] = replace(torn[0], seed=7)
    found = measure(replace(context, fits=(*torn, *whole)), "data_efficiency")
    assert {one.where["recipe"] for one in found} == {"plain train_share=800"}
    with pytest.raises(NotApplicable, match="of no seed there is a model of every number"):
        measure(replace(context, fits=tuple(torn)), "data_efficiency")
