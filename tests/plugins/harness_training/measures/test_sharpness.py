"""Sharpness: eigenvalues and the rise along the gradient of a quadratic, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import (
    Column,
    image_examples,
    image_task,
    make_context,
    measure,
    one,
    table_examples,
    table_task,
    train,
)
from torch import nn
from torch.autograd.function import once_differentiable

from harness.api import NotApplicable
from harness_training.measures.sharpness import largest_eigenvalue, rise_along_gradient


def run(model, examples, task, folder, **options):
    context = make_context("sharpness", model, examples, task, folder, **options)
    return measure(replace(context, split=lambda name: examples), "sharpness")


MATRIX = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, -4.0]], dtype=torch.float64)


def quadratic(matrix: torch.Tensor, at: list[float]):
    weights = nn.Parameter(torch.tensor(at, dtype=torch.float64))
    return (lambda: 0.5 * weights @ matrix @ weights), weights


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_largest_eigenvalue_of_a_quadratic(seed):
    """In size: the negative one counts."""
    loss, weights = quadratic(MATRIX, [1.0, -2.0, 0.5])
    value, steps = largest_eigenvalue(loss, [weights], 500, 1e-9, seed)
    expected = np.linalg.eigvalsh(MATRIX.numpy())
    assert value == pytest.approx(expected[np.abs(expected).argmax()], rel=1e-5)
    assert steps < 500


def test_the_rise_along_the_gradient_by_hand():
    """w = (3, 4) of |w|^2 / 2: the gradient is w, of length 5; a step of 0.5 along it makes 5.5^2 / 2."""
    loss, weights = quadratic(torch.eye(2, dtype=torch.float64), [3.0, 4.0])
    assert rise_along_gradient(loss, [weights], 0.5) == pytest.approx((5.5**2 - 25) / 2)
    assert weights.tolist() == [3.0, 4.0]
    loss, weights = quadratic(torch.eye(2, dtype=torch.float64), [0.0, 0.0])
    assert rise_along_gradient(loss, [weights], 0.5) == 0.0


def test_linear_regression_has_the_hessian_of_its_inputs(tmp_path):
    """Of squared errors over n it is 2 X'X / n, with a column of ones for the bias."""
    examples, model = table_examples(), Column()
    task = table_task()
    metrics = run(model, examples, task, tmp_path, tolerance=1e-7, steps=1000)
    found = one(metrics, "hessian_eigenvalue").value
    design = torch.cat([examples.inputs, torch.ones(len(examples), 1)], 1).double()
    top = float(torch.linalg.eigvalsh(design.T @ design / len(examples))[-1])
    ratio = found / top
    assert ratio == pytest.approx(round(ratio), rel=1e-4) and round(ratio) in (1, 2)


def test_a_trained_network_keeps_its_weights(tmp_path):
    examples = image_examples()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))
    train(model, examples, nn.functional.cross_entropy)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = run(model, examples, image_task(), tmp_path)
    assert one(found, "hessian_eigenvalue").value > 0
    assert one(found, "sharpness", rho=0.05).value > 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Unknown(torch.autograd.Function):
    """What has a derivative and says of its second one that there is none."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return Slope.apply(gradient, x)


class Slope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gradient, x):
        return 2 * x * gradient

    @staticmethod
    def backward(ctx, gradient):
        # As torch says it of its own operators, whose message is shown: the case is a network without a second derivative.
        raise NotImplementedError("derivative for slope is not implemented")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(36, 3)

    def forward(self, x):
        return Unknown.apply(self.inner(x.flatten(1)))


def test_what_cannot_be_differentiated_twice_is_told(tmp_path):
    with pytest.raises(NotApplicable, match="twice: derivative for slope is not implemented"):
        run(Net(), image_examples(), image_task(), tmp_path)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient


def test_a_gradient_that_is_a_constant_to_autograd_is_told():
    """(w^2)^3 at 2 has the curvature 30 w^4 = 480; without what Cube hides it would be 96."""
    weights = nn.Parameter(torch.tensor([2.0]))
    with pytest.raises(NotApplicable, match="Cube is marked with @once_differentiable"):
        largest_eigenvalue(lambda: Cube.apply(weights**2).sum(), [weights], 9, 0.1, 0)
    value, _ = largest_eigenvalue(lambda: ((weights**2) ** 3).sum(), [weights], 9, 0.1, 0)
    assert value == pytest.approx(480)


def test_a_straight_loss_has_no_curvature():
    weights = nn.Parameter(torch.ones(3))
    with pytest.raises(NotApplicable, match="no curvature"):
        largest_eigenvalue(lambda: weights.sum() + math.pi, [weights], 5, 1e-3, 0)
