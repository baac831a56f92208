"""MASE, sMAPE, RMSE and MAE of forecasts against their definitions; naive forecasts by hand."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, one
from scipy.special import stdtrit
from torch import nn

from harness.api import FittedModel, NotApplicable, Task
from harness.measure.time_blocks import InTime
from harness.store.run_data import ExampleArrays

WINDOW, HORIZON, UNIT, OFFSET = 6, 3, 2.5, 40.0


class Ahead(nn.Module):
    """Adds a straight line to the last value: (1, 2, 3) in units, of each series."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(1.0, HORIZON + 1)[:, None]
        return (inputs[:, -1:, :] + steps).flatten(1)


def windows(values: np.ndarray, n: int = 40) -> InMemory:
    """Windows of series ``(steps, series)``, a horizon apart."""
    starts = np.arange(n) * HORIZON
    past = np.stack([values[start : start + WINDOW] for start in starts])
    to_come = np.stack([values[s + WINDOW : s + WINDOW + HORIZON] for s in starts])
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    return InMemory(torch.as_tensor(past).float(), torch.as_tensor(to_come).float(), order)


def task(series: int, units: dict[str, float], season: int, offset: float = 0.0) -> Task:
    return Task(
        modality="sequence",
        problem="forecast",
        input_shape=(WINDOW, series),
        outputs=HORIZON * series,
        low=-1e3,
        high=1e3,
        offset=(offset,) * series if offset else (),
        target_offset=offset,
        counts={"train": 40, "validation": 1, "test": 40},
        details={"season": season, "horizon": HORIZON, "units": units},
    )


def only(name: str, words: np.ndarray) -> Callable[[str, str], np.ndarray]:
    """A data set's columns of which there is one."""

    def column(asked: str, split: str) -> np.ndarray:
        if asked != name:
            raise NotApplicable(f"no column is named {asked!r}")
        return words

    return column


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 2)).cumsum(0) / (UNIT, 1.0)


def test_errors_are_those_of_their_definitions(series, tmp_path):
    data = windows(series[:, :1])
    about = task(1, {"sales": UNIT}, 2, OFFSET)
    found = measure(make_context("accuracy", Ahead(), data, about, tmp_path), "accuracy")
    truth = (data.targets.double().numpy() + OFFSET) * UNIT
    ahead = (data.inputs[:, -1:, :].double().numpy() + [[1.0], [2.0], [3.0]] + OFFSET) * UNIT
    errors = [float(y - f) for y, f in zip(truth.flatten(), ahead.flatten(), strict=True)]
    count = len(errors)
    by_hand = {
        "mase": sum(abs(e) for e in errors) / count / UNIT,
        "mae": sum(abs(e) for e in errors) / count,
        "rmse": (sum(e * e for e in errors) / count) ** 0.5,
        "smape": 100
        * sum(
            2 * abs(y - f) / (abs(y) + abs(f))
            for y, f in zip(truth.flatten(), ahead.flatten(), strict=True)
        )
        / count,
    }
    for name, value in by_hand.items():
        metric = one(found, name)
        assert metric.value == pytest.approx(value, rel=1e-5), name
        assert metric.low < value < metric.high and metric.n == 40
    steps = [one(found, "mase_at_step", step=step).value for step in (1, 2, 3)]
    assert steps == pytest.approx(np.abs(truth - ahead).mean((0, 2)) / UNIT, rel=1e-5)
    with np.load(tmp_path / "examples.npz") as kept:
        assert kept["grade"].mean() == pytest.approx(by_hand["mase"], rel=1e-5)
        assert kept["smape"].mean() == pytest.approx(by_hand["smape"], rel=1e-5)
    assert not [metric for metric in found if metric.name == "mase_of_series"]


def test_intervals_are_over_blocks_of_windows_that_follow_each_other(series, tmp_path):
    data, about = windows(series[:, :1]), task(1, {"sales": UNIT}, 2)
    order = data.ids.argsort().numpy()
    starts = (np.arange(40) * HORIZON).astype(str)[order]
    context = make_context("accuracy", Ahead(), data, about, tmp_path)
    found = measure(replace(context, column=only("first step", starts)), "accuracy")
    error = (Ahead()(data.inputs)[:, :, None] - data.targets).double().numpy()
    time = InTime(np.arange(40), 3)
    low, high = time.mean_interval(np.abs(error).mean((1, 2)))
    for name, unit in (("mase", 1.0), ("mae", UNIT)):
        metric = one(found, name)
        assert (metric.low, metric.high) == pytest.approx((low * unit, high * unit), rel=1e-5)
    squares = time.mean_interval((error**2).mean((1, 2)))
    rmse = one(found, "rmse")
    assert (rmse.low, rmse.high) == pytest.approx(np.sqrt(squares) * UNIT, rel=1e-5)
    kept = ExampleArrays.read(tmp_path)
    assert kept.time.places.tolist() == order.tolist() and kept.time.block == 3


def test_a_shifted_headline_counts_blocks_too(series, tmp_path):
    data, about = windows(series[:, :1]), task(1, {"sales": UNIT}, 2)
    starts = (np.arange(40) * HORIZON).astype(str)[data.ids.argsort().numpy()]
    shift = {"shifts": ("jitter_steps",), "severities": (3,)}
    context = make_context("shift", Ahead(), data, about, tmp_path, **shift)
    given = {"column": only("first step", starts), "corrupted": lambda *_: data}
    found = measure(replace(context, **given), "shift")
    kept = ExampleArrays.read(tmp_path)
    for name, array in (("shifted_mase", "grade_jitter_steps_3"), ("mean_shifted_mase", "grade_mean")):  # fmt: skip
        metric = one(found, name)
        wanted = kept.time.mean_interval(kept.arrays[array])
        assert (metric.low, metric.high) == pytest.approx(wanted)


def test_statsmodels_has_the_same_rmse_and_mae(series, tmp_path):
    measures = pytest.importorskip(
        "statsmodels.tools.eval_measures", reason="statsmodels is no part of the extra test"
    )
    data = windows(series)
    units = {"small": UNIT, "large": 1.0}
    about = task(2, units, 2)
    found = measure(make_context("accuracy", Ahead(), data, about, tmp_path), "accuracy")
    scale = np.array(list(units.values()))
    truth = (data.targets.double().numpy() * scale).flatten()
    ahead = Ahead()(data.inputs).view_as(data.targets).double().numpy() * scale
    assert one(found, "rmse").value == pytest.approx(measures.rmse(truth, ahead.flatten()))
    assert one(found, "mae").value == pytest.approx(measures.meanabs(truth, ahead.flatten()))
    for name, at in (("small", 0), ("large", 1)):
        scaled = measures.meanabs(data.targets[..., at], ahead[..., at] / scale[at], axis=None)
        assert one(found, "mase_of_series", forecast_series=name).value == pytest.approx(scaled)


def test_series_that_are_forecast_one_by_one_have_units_of_their_own(series, tmp_path):
    data, about = windows(series[:, :1]), task(1, {"a": 10.0, "b": 1.0}, 2)
    names = np.array(["a", "b"] * 20)  # in the order of the ids
    context = make_context("accuracy", Ahead(), data, about, tmp_path)
    found = measure(replace(context, column=only("series", names)), "accuracy")
    order = data.ids.argsort()
    errors = (Ahead()(data.inputs)[:, :, None] - data.targets).abs().mean((1, 2)).numpy()[order]
    for name in ("a", "b"):
        mean = errors[names == name].mean()
        assert one(found, "mase_of_series", forecast_series=name).value == pytest.approx(
            mean, rel=1e-5
        )
    weighed = (errors * np.where(names == "a", 10.0, 1.0)).mean()
    assert one(found, "mae").value == pytest.approx(weighed, rel=1e-5)
    (sheet,) = json.loads((tmp_path / "gallery.json").read_text())["sheets"]
    first, second = (example["traces"][0] for example in sheet["examples"][:2])
    assert (first["title"], second["title"], first["steps"]) == ("a", "b", WINDOW + HORIZON)
    came, said = first["lines"]["what came"], first["lines"]["forecast"]
    assert came[:WINDOW] == said[:WINDOW] == pytest.approx(10 * data.inputs[order[0], :, 0].numpy())
    assert came[WINDOW:] == pytest.approx(10 * data.targets[order[0], :, 0].numpy())


def test_a_forecast_that_is_not_finite_makes_no_figure(series, tmp_path):
    class Broken(Ahead):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().forward(inputs) * torch.where(inputs[:, -1] > 0, 1.0, torch.nan)

    data = windows(series[:, :1])
    found = measure(
        make_context("accuracy", Broken(), data, task(1, {"a": 1.0}, 2), tmp_path), "accuracy"
    )
    assert np.isnan(one(found, "mase").value) and one(found, "mase").low is None
    assert 0 < one(found, "nonfinite_share").value < 1


def test_naive_floors_repeat_the_last_value_and_the_last_season(series, tmp_path):
    data, about = windows(series), task(2, {"a": 1.0, "b": 1.0}, 4, OFFSET)
    about = replace(about, target_offset=0.0)
    held = InMemory(data.inputs - OFFSET, data.targets, data.ids)  # as data with an offset are
    context = make_context("floors", nn.Identity(), held, about, tmp_path)
    found = measure(replace(context, split=lambda name: held), "floors")
    past, truth = data.inputs.double().numpy(), data.targets.double().numpy()
    by_hand = {
        "last value": np.repeat(past[:, -1:], HORIZON, axis=1),
        "seasonal naive": past[:, [2, 3, 4]],  # a season of 4 before steps 6, 7 and 8
    }
    for name, forecast in by_hand.items():
        error = np.abs(forecast - truth).mean()
        assert one(found, "mase", architecture=name).value == pytest.approx(error, rel=1e-4)
    assert one(found, "mase", architecture="linear").value < 0.9 * error
    short = replace(about, details={**about.details, "season": 7})
    names = {
        metric.where["architecture"]
        for metric in measure(replace(context, split=lambda name: held, task=short), "floors")
    }
    assert names == {"constant", "linear", "last value"}  # the window has no whole season


def test_several_series_of_each_of_many_have_units_of_their_own(series, tmp_path):
    data = windows(series)
    units = {"b sales": 2.0, "b visits": 3.0, "a sales": 5.0, "a visits": 7.0}
    of = ["b sales, b visits", "a sales, a visits"]
    labels = np.array([of[place % 2] for place in range(len(data.ids))])
    context = make_context("accuracy", Ahead(), data, task(2, units, 2), tmp_path)
    found = measure(replace(context, column=only("series", labels)), "accuracy")
    order = data.ids.argsort().numpy()
    error = (data.inputs[:, -1:, :] + torch.arange(1.0, 4)[:, None] - data.targets).abs().numpy()
    error = error.astype(float)[order]
    for at, name in enumerate(units):
        mine = error[at // 2 :: 2, :, at % 2]
        one_of = one(found, "mase_of_series", forecast_series=name)
        assert one_of.value == pytest.approx(mine.mean(), rel=1e-5), name
    scaled = [error[at // 2 :: 2, :, at % 2] * unit for at, unit in enumerate(units.values())]
    assert one(found, "mae").value == pytest.approx(np.mean(scaled), rel=1e-5)


def test_learning_curves_count_blocks_too(series, tmp_path):
    class Off(Ahead):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().forward(inputs) + self.by

    data, about = windows(series[:, :1]), task(1, {"sales": UNIT}, 2)
    fits = tuple(
        FittedModel(
            architecture="net",
            recipe=f"plain train_share={size}",
            dataset="x",
            seed=0,
            load=lambda by=by: Off(by),
            whole_recipes=("plain",),
            train_examples=size,
        )
        for size, by in ((50, 8.0), (100, 4.0), (200, 2.0), (400, 1.0))
    )
    starts = np.arange(40) * HORIZON
    own = starts[data.ids.argsort().numpy()]
    context = make_context("data_efficiency", nn.Identity(), data, about, tmp_path)
    context = replace(context, fits=fits, column=only("first step", own.astype(str)))
    found = measure(context, "data_efficiency")
    time = InTime.of(starts, WINDOW + HORIZON)
    for size, fit in zip((50, 100, 200, 400), fits, strict=True):
        errors = (fit.load()(data.inputs).view_as(data.targets) - data.targets).abs()
        values = errors.flatten(1).double().mean(1).numpy()
        metric = one(found, "learning_error", train_examples=size)
        half = stdtrit(time.blocks - 1, 0.975) * time.variance(values) ** 0.5
        assert metric.value == pytest.approx(values.mean())
        assert metric.high - metric.value == pytest.approx(half, rel=0.1)
    short = replace(about, input_shape=(80, 1))  # windows of 83 steps, of 40 that begin in 120
    with pytest.raises(NotApplicable, match="shorter than two blocks"):
        measure(replace(context, task=short), "data_efficiency")
