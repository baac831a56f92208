"""What a gradient costs, of passes that take a known time, and slopes that are known."""

from __future__ import annotations

import math
import time
import warnings

import pytest
import torch
from measure_cases import measure, named, one
from torch import nn

from harness.api import NotApplicable
from harness.api.measuring import LeftOut

FORWARD, BACKWARD = 0.003, 0.006


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class Slow(torch.autograd.Function):
    """The identity; it takes 3 ms forth, 6 ms back, and has no Jacobian-vector product."""

    @staticmethod
    def forward(context, inputs):
        burn(FORWARD)
        return inputs.clone()

    @staticmethod
    def backward(context, gradient):
        burn(BACKWARD)
        return gradient


class Known(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(36, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert not self.training
        result: torch.Tensor = Slow.apply(self.inner(inputs.flatten(1)))
        return result


def net() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
    return nn.Sequential(*layers)


def test_known_times(images) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        metrics = measure(
            images("backward_cost", model=Known(), seconds=0.2, batch_sizes=[4]), "backward_cost"
        )
    (left_out,) = (str(each.message) for each in said if each.category is LeftOut)
    assert left_out.startswith("forward mode is left out: ")
    assert {each.where["way"] for each in named(metrics, "gradient_cost")} == {
        *("reverse mode", "differences"),
    }
    ratio = one(metrics, "backward_over_forward")
    assert math.isclose(ratio.value, BACKWARD / FORWARD, rel_tol=0.25)
    cost = one(metrics, "gradient_cost", way="reverse mode")
    assert math.isclose(cost.value, (FORWARD + BACKWARD) / FORWARD, rel_tol=0.25)
    naive = one(metrics, "gradient_cost", way="differences")
    assert math.isclose(naive.value, 1 + 36 * 3 + 3, rel_tol=0.25)
    for each in (ratio, cost, naive):
        assert each.low <= each.value <= each.high
        assert each.n >= 7


def test_slopes(images) -> None:
    metrics = measure(images("backward_cost", model=net(), seconds=0.05), "backward_cost")
    exact = one(metrics, "gradient_error", way="forward mode")
    rough = one(metrics, "gradient_error", way="differences")
    assert exact.value < 1e-5 < rough.value < 0.1
    counts = {each.value for each in named(metrics, "gradient_parameters")}
    assert counts == {36 * 8 + 8 + 8 * 3 + 3}
    assert one(metrics, "gradient_cost", way="reverse mode").value < 30
    assert one(metrics, "gradient_cost", way="forward mode").value > 100


def test_the_model_stays_as_it_is(images) -> None:
    model = net().eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    measure(images("backward_cost", model=model, seconds=0.02), "backward_cost")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_one_thread_meanwhile(images) -> None:
    """Threads that wait spin: their CPU time would count."""
    before, seen = torch.get_num_threads(), set()
    torch.set_num_threads(2)

    class Looks(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            seen.add(torch.get_num_threads())
            return super().forward(inputs.flatten(1))

    try:
        context = images("backward_cost", model=Looks(36, 3), seconds=0.02)
        metrics = measure(context, "backward_cost")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {1}
    assert {each.where["threads"] for each in metrics} == {1}


def test_nothing_to_train(images) -> None:
    model = net().requires_grad_(False)
    with pytest.raises(NotApplicable, match="no trainable parameter"):
        measure(images("backward_cost", model=model, seconds=0.02), "backward_cost")
