"""The measure against what is known of wide networks, and what it says of them."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from measure_cases import image_examples, image_task, make_context, named
from torch import nn

from harness.api import Metric, NotApplicable
from harness.catalogue.finding import Finding, read_findings
from harness.measure.context import MeasureContext
from harness.train.fit import Training, epoch_order
from harness.train.follow import follow
from harness.train.techniques import TrainingHooks
from harness_training.flow_findings import FlowPoint, find_flow
from harness_training.gradient_flow import run
from harness_training.options import GradientFlowOptions

DEPTH = 16


def mean_field_gain(activation: nn.Module, variance: float) -> float:
    """Return what a wide layer multiplies gradients by: Schoenholz et al. 2017, arXiv:1611.01232, equations 3 and 7."""
    normal, weights = (
        torch.from_numpy(one) for one in np.polynomial.hermite_e.hermegauss(60)
    )  # E f(z) of a standard normal z
    weights = weights / weights.sum()
    size = 1.0
    for _ in range(200):
        size = float(variance * (weights * activation(size**0.5 * normal).square()).sum())
    places = (size**0.5 * normal).requires_grad_()
    (slopes,) = torch.autograd.grad(activation(places).sum(), places)
    return float((variance * (weights * slopes.square()).sum()).sqrt())


def stack(
    activation: type[nn.Module], variance: float, normalised: bool = False, width: int = 96
) -> nn.Sequential:
    """Return DEPTH layers whose weights have the variance over the number of inputs, and a head."""
    torch.manual_seed(5)
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(36, width)]
    for _ in range(DEPTH - 1):
        norms = [nn.BatchNorm1d(width)] if normalised else []
        layers += [*norms, activation(), nn.Linear(width, width)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=(variance / layer.in_features) ** 0.5)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers, activation(), nn.Linear(width, 3))


def measured(
    net: nn.Module, folder: Path, epochs: int = 0, rate: float = 0.0
) -> tuple[list[Metric], list[Finding]]:
    data = image_examples(240)

    class Split:
        ids, task = data.ids, image_task()

        def __len__(self) -> int:
            return len(data)

        def in_order(self, order, batch_size):
            for part in order.split(batch_size):
                yield data.inputs[part], data.targets[part], data.ids[part]

    def objective(model, inputs, targets, draws):
        outputs = model(inputs)
        return nn.functional.cross_entropy(outputs, targets), outputs

    training = Training(
        objective=objective,
        make_optimizer=lambda named: torch.optim.SGD([one for _, one in named], rate),
        make_schedule=lambda steps, curves: lambda step: 1.0,
        epochs=4,
        batch_size=48,
    )

    def again(hooks: TrainingHooks, count: int) -> None:
        follow(net, training, Split(), None, hooks, count)

    context: MeasureContext = make_context("accuracy", net, data, image_task(), folder)
    options = GradientFlowOptions(epochs=epochs, batches=8, batch_size=30)
    metrics = list(
        run(replace(context, options=options, train_again=again, split=lambda name: data))
    )
    return metrics, list(read_findings(folder) or ())


@pytest.mark.parametrize(
    ("activation", "variance", "normalised", "gain"),
    [
        (nn.ReLU, 2.0, False, 1.0),  # He et al. 2015, equation 14
        (nn.ReLU, 1.0, False, math.sqrt(0.5)),
        (nn.Sigmoid, 1.0, False, mean_field_gain(nn.Sigmoid(), 1.0)),
        (nn.ReLU, 2.0, True, math.sqrt(math.pi / (math.pi - 1))),  # Yang et al. 2019, 1902.08129
    ],
)
def test_the_gain_of_wide_layers(
    tmp_path: Path, activation: type[nn.Module], variance: float, normalised: bool, gain: float
) -> None:
    net = stack(activation, variance, normalised).train()
    metrics, _ = measured(net, tmp_path)
    (found,) = named(metrics, "gradient_gain")
    assert math.isclose(found.value, gain, rel_tol=0.08)
    (ratio,) = named(metrics, "gradient_ratio")
    assert math.isclose(ratio.low, found.low**DEPTH, rel_tol=1e-6)
    assert found.low <= found.value <= found.high
    assert len(named(metrics, "gradient_norm")) == DEPTH + 1
    assert not named(metrics, "step_gradient_norm")


def test_while_it_learns(tmp_path: Path) -> None:
    net = stack(nn.ReLU, 2.0)
    metrics, found = measured(net, tmp_path, epochs=2, rate=0.01)
    assert [one.where["epoch"] for one in named(metrics, "gradient_ratio")] == [0, 1, 2]
    (last,) = named(metrics, "trained_gradient_gain")
    assert last.value == named(metrics, "gradient_gain", epoch=2)[0].value
    assert {one.where["epoch"] for one in named(metrics, "activation_rms")} == {0, 2}
    first, second = named(metrics, "largest_gradient_norm")
    medians = named(metrics, "step_gradient_norm")
    assert (first.n, second.n) == (5, 5)
    assert all(one.value <= most.value for one, most in zip(medians, (first, second), strict=True))
    assert found == []


def test_the_gradient_of_a_step_is_that_of_all_parameters(tmp_path: Path) -> None:
    """With a learning rate of 0 the steps of an epoch are gradients of the batches at the start."""
    net = stack(nn.Tanh, 1.0)
    data = image_examples(240)
    metrics, _ = measured(net, tmp_path, epochs=1)
    (median,) = named(metrics, "step_gradient_norm")
    (most,) = named(metrics, "largest_gradient_norm")
    norms = []
    for part in epoch_order(0, 1, data.ids).split(48):
        loss = nn.functional.cross_entropy(net(data.inputs[part]), data.targets[part])
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        norms.append(math.sqrt(sum(float(one.double().square().sum()) for one in gradients)))
    assert math.isclose(most.value, max(norms), rel_tol=1e-5)
    assert math.isclose(median.value, statistics.median(norms), rel_tol=1e-5)


def test_vanishing_is_found_and_said(tmp_path: Path) -> None:
    _, (found,) = measured(stack(nn.Sigmoid, 1.0), tmp_path, epochs=1, rate=0.1)
    assert found.code == "vanishing-gradients"
    assert "after 1 epoch, '1', the first of 17 layers" in found.sentence
    assert found.advice.startswith("Take relu or gelu in place of sigmoid")
    assert "put a normalisation" in found.advice
    assert found.numbers["ratio"] < 1e-7


def test_exploding_is_found_and_said(tmp_path: Path) -> None:
    _, (found,) = measured(stack(nn.ReLU, 6.0), tmp_path)
    assert found.code == "exploding-gradients"
    assert "clip" in found.advice
    assert found.numbers["ratio"] > 1e3


def test_what_starts_at_zero_does_not_vanish() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.ReLU(), nn.Linear(2, 2))
    layers = ["0", "3"]
    assert not list(find_flow([FlowPoint(0, 0.0, 0.0), FlowPoint(1, 0.4, 0.4)], layers, net))
    (found,) = find_flow([FlowPoint(0, 0.0, 0.0)], layers, net)
    assert found.code == "vanishing-gradients"
    assert "normalisation" not in found.advice
    assert found.advice.startswith("Start with weights for its activations")


def test_one_layer_has_no_flow(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    with pytest.raises(NotApplicable, match="fewer than two layers"):
        measured(net, tmp_path)
