"""Effective robustness by hand: the line, what is beyond it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context, measure, named, one
from pydantic import ValidationError
from scipy.special import expit, logit
from torch import nn

from harness.api import FittedModel, NotApplicable
from harness.api.measuring import OtherData, OtherPart
from harness_quality.effective_robustness import LogitFit
from harness_quality.options import EffectiveRobustnessOptions

N = 200


class Wrong(nn.Module):
    """Wrong on the first `clean` examples, and on the first `shifted` ones of those whose second pixel is 1."""

    def __init__(self, clean: int, shifted: int) -> None:
        super().__init__()
        self.clean, self.shifted = clean, shifted

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        number, is_shifted = inputs[:, 0, 0, 0], inputs[:, 0, 0, 1] > 0
        wrong = number < torch.where(is_shifted, self.shifted, self.clean)
        return torch.stack([~wrong, wrong], dim=1).float()


def examples(shifted: bool, first_id: int = 0) -> InMemory:
    inputs = torch.zeros(N, 1, 6, 6)
    inputs[:, 0, 0, 0], inputs[:, 0, 0, 1] = torch.arange(N), float(shifted)
    return InMemory(inputs, torch.zeros(N, dtype=torch.long), first_id + torch.arange(N))


MODELS = {"a": (20, 60), "b": (40, 90), "c": (60, 130), "d": (80, 140), "e": (100, 170)}


@pytest.fixture
def measured(tmp_path):
    def run(models: dict[str, tuple[int, int]], others: Any = None, **options: Any):
        options = options or {"shifts": ("darken",), "severities": (1,)}
        task = replace(image_task(), outputs=2)
        context = make_context(
            "effective_robustness", nn.Identity(), examples(False), task, tmp_path, **options
        )
        fits = tuple(
            FittedModel(
                architecture=name.partition(" ")[0],
                recipe=name.partition(" ")[2],
                dataset="x",
                seed=0,
                load=lambda counts=counts: Wrong(*counts),
            )
            for name, counts in models.items()
        )
        context = replace(context, fits=fits, corrupted=lambda *_: examples(True))
        if others is not None:
            context = replace(context, other=others.__getitem__)
        return measure(context, "effective_robustness")

    return run


def by_hand(counts: tuple[int, int]) -> np.ndarray:
    return logit((N - np.array(counts) + 0.5) / (N + 1))


def test_it_is_what_is_beyond_the_line_in_logits(measured):
    found = measured(MODELS)
    points = np.array([by_hand(counts) for counts in MODELS.values()])
    slope, intercept = np.polyfit(points[:, 0], points[:, 1], 1)
    for name, (_, shifted) in MODELS.items():
        expected = 100 * ((N - shifted) / N - expit(intercept + slope * by_hand(MODELS[name])[0]))
        gain = one(found, "effective_robustness", architecture=name, against="shifts")
        assert gain.value == pytest.approx(expected) and gain.low < gain.value < gain.high
        mean = one(found, "mean_effective_robustness", architecture=name)
        assert mean.value == pytest.approx(expected)
    (line,) = {(m.value, m.n) for m in named(found, "fit_slope")}
    assert line == (pytest.approx(slope), 5)


def test_models_of_another_recipe_stand_beside_a_line_that_is_not_of_them(measured):
    plain = {f"{name} plain": counts for name, counts in MODELS.items()}
    robust = {"a robust": (30, 40)}
    together = {"shifts": ("darken",), "severities": (1,), "baseline_recipe": "plain"}
    found = measured(plain | robust, **together)
    alone = measured(plain, **together)
    assert named(found, "fit_slope")[0].value == named(alone, "fit_slope")[0].value
    assert one(found, "effective_robustness", recipe="robust").value > 10
    with pytest.raises(
        NotApplicable, match="here are 1 of the recipe 'robust'; compare more models"
    ):
        measured(plain | robust, **{**together, "baseline_recipe": "robust"})


def test_other_data_sets_have_a_line_each(measured):
    part = (OtherPart({}, examples(True, first_id=N)),)
    others = {"o": OtherData(part, ((0,), (1,)), False, "")}
    found = measured(
        MODELS, others, datasets=("o",), shifts=("darken",), severities=(1,), among="all"
    )
    pairs = {m.where["against"]: m.value for m in named(found, "fit_slope")}
    assert pairs["o"] == pytest.approx(pairs["shifts"])  # the same verdicts, of other examples
    means = {m.where["architecture"]: m.n for m in named(found, "mean_effective_robustness")}
    assert means == dict.fromkeys(MODELS, 2 * N)


def test_a_line_through_all_points_leaves_nothing():
    clean = logit(np.array([[0.9], [0.8], [0.6]]))
    fit = LogitFit.over(clean, 0.7 * clean - 0.2)
    assert fit.slope == pytest.approx(0.7) and fit.intercept == pytest.approx(-0.2)
    assert fit.predict(clean[0]) == pytest.approx(expit(0.7 * clean[0] - 0.2))


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (
            {"a": (1, 2), "b": (2, 4)},
            "a fit over 5 baseline models or more, and here are 2; compare",
        ),
        ({name: (20, 60) for name in "abcde"}, "all baseline models have the same clean accuracy"),
    ],
)
def test_what_says_nothing_is_refused_in_words(measured, models, words):
    with pytest.raises(NotApplicable, match=words):
        measured(models)


def test_nothing_to_measure_under_is_refused():
    with pytest.raises(ValidationError, match="give datasets or shifts"):
        EffectiveRobustnessOptions(shifts=())


@pytest.mark.slow
def test_a_run_draws_its_line(tmp_path):
    suite = {
        "suite": {"name": "e"},
        "matrix": {
            "architectures": [f"mlp:depth=1,width={width}" for width in (4, 8, 16, 32, 64)],
            "datasets": ["digits"],
            "floors": False,
        },
        "recipes": {"plain": {"epochs": 2, "optimizer": "adamw:learning_rate=1e-2"}},
        "measure": [{"name": "effective_robustness", "shifts": ["rotate"], "severities": [3]}],
    }
    report = run_here(suite, store=tmp_path).summary
    (chart,) = (one for one in report.charts if one.kind == "scatter")
    (line,) = chart.fits
    assert len(chart.points) == 5 and line.name == ""
    point = chart.points[0]
    told = point.tells[0].figure.value
    assert 100 * (point.y.value - line.at(point.x.value)) == pytest.approx(told, abs=0.3)
