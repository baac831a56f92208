"""Forecast errors against their definitions."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from harness.api import DataError, LoadedData, Task
from harness.catalogue.host import Host
from harness.data.model import build_model
from harness.plan.names import choose_one
from harness_problems import forecast

DETAILS = {"season": 1, "horizon": 2, "units": {"a": 1.0}}


def loaded(targets, **details) -> LoadedData:
    return LoadedData(
        modality="sequence",
        problem="forecast",
        inputs=np.zeros((len(targets), 3, 1)),
        targets=targets,
        details={**DETAILS, **details},
    )


def test_an_example_has_the_mean_error_over_its_steps_and_series():
    targets = torch.tensor([[[1.0, 10.0], [2.0, 20.0]]])  # (examples, horizon, series)
    outputs = torch.tensor([[1.5, 10.0, 1.0, 23.0]])  # series by series at each step
    assert forecast.grade(outputs, targets).tolist() == pytest.approx([(0.5 + 0 + 1 + 3) / 4])
    twice = forecast.loss(outputs.repeat(2, 1), targets.repeat(2, 1, 1))
    assert float(twice) == pytest.approx(2 * (0.25 + 0 + 1 + 9) / 4)


def test_the_baseline_is_the_mean_of_each_step_and_series():
    targets = np.array([[[1.0], [2.0]], [[3.0], [6.0]]])
    assert forecast.baseline(targets).tolist() == [2.0, 4.0] and forecast.width(targets) == 2
    task = Task(
        modality="sequence", problem="forecast", input_shape=(3, 1), outputs=2, low=0, high=1
    )
    assert task.output_shape == (2,) and task.headline == "mase"
    assert task.problem_item.better == "lower" and task.problem_item.bounds[0] == 0


def test_what_is_no_forecast_is_refused():
    targets = np.ones((5, 2, 1))
    assert forecast.check(targets.astype("float32"), loaded(targets)).dtype == np.float64
    with pytest.raises(DataError, match="its horizon, 2, and the units"):
        forecast.check(targets, loaded(targets, horizon=3))
    targets[4, 1] = np.inf
    with pytest.raises(DataError, match="a value to come of example 4 is NaN, infinite"):
        forecast.check(targets, loaded(targets))
    with pytest.raises(DataError, match="a step ahead at least"):
        forecast.check(np.ones((5, 0, 1)), loaded(np.ones((5, 0, 1)), horizon=0))
    dated = dataclasses.replace(
        loaded(targets), columns={"first step": ["0", "2", "May", "6", "8"]}
    )
    with pytest.raises(DataError, match="'first step' of example 2 is 'May'"):
        forecast.check(np.ones((5, 2, 1)), dated)


def test_few_test_windows_are_a_finding():
    targets = np.ones((70, 2, 1))
    one, split = loaded(targets), np.array([0] * 50 + [2] * 20)
    (found,) = forecast.look(one, split[:59])
    assert found.sentence.startswith("9 windows are for testing") and found.flag
    assert not list(forecast.look(one, split[:60]))
    several = dataclasses.replace(one, columns={"series": list("abcde") * 14})
    (found,) = forecast.look(several, split)
    assert found.sentence.startswith("4 windows of a series are for testing")


def task(series: int = 2, features: int = 3) -> Task:
    return Task(
        modality="sequence",
        problem="forecast",
        input_shape=(4, features),
        outputs=2 * series,
        low=-100,
        high=100,
        mean=(5.0,) * features,
        std=(2.0, 4.0, 8.0)[:features],
        target_mean=0.5,
        target_std=0.25,
        offset=(10.0, 20.0, 30.0)[:features],
        target_offset=15.0,
        details={"season": 1, "horizon": 2, "units": {"a": 1.0, "b": 2.0}},
    )


def test_networks_answer_how_far_from_the_mean_of_a_window_its_series_will_be():
    about, inputs = task(), torch.randn(5, 4, 3)  # of three features two are forecast
    mean = inputs[..., :2].mean(1) + torch.tensor([10.0, 20.0]) - 15
    assert torch.allclose(forecast.origin(inputs, about), torch.cat([mean, mean], 1), atol=1e-5)
    mlp = choose_one(Host().catalogue, "architecture", "mlp:depth=0")
    model = build_model(mlp, about).eval()
    nn.init.zeros_(model.net.layers[0].weight)
    nn.init.constant_(model.net.layers[0].bias, 2.0)
    with torch.no_grad():
        found = model(inputs) - forecast.origin(inputs, about)
    assert torch.allclose(found, torch.tensor(2 * 0.25 + 0.5), atol=1e-5)


@pytest.mark.slow
def test_a_forecast_is_compiled_as_one_graph():
    mlp = choose_one(Host().catalogue, "architecture", "mlp:depth=0")
    model, inputs = build_model(mlp, task()).eval(), torch.randn(5, 4, 3)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        assert torch.allclose(compiled(inputs), model(inputs))
