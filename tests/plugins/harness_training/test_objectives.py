"""Objectives against their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from objective_cases import batch, draws, task
from pydantic import ValidationError
from torch import Tensor, nn

from harness.api import Task
from harness_training import (
    cross_entropy,
    fast_at,
    mixup,
    pgd_at,
    problem_loss,
    squared_error,
    trades,
)
from harness_training.blends import draw_shares
from harness_training.options import (
    CrossEntropyOptions,
    FastAtOptions,
    MixupOptions,
    PgdAtOptions,
    TradesOptions,
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy(smoothing: float) -> None:
    model, inputs, targets = batch()
    loss, logits = cross_entropy.build(CrossEntropyOptions(label_smoothing=smoothing))(
        model, inputs, targets, draws(8)
    )
    assert torch.equal(logits, model(inputs))
    log_probabilities = logits - logits.exp().sum(1, keepdim=True).log()
    wanted = torch.full((8, 3), smoothing / 3)
    wanted[torch.arange(8), targets] += 1 - smoothing
    torch.testing.assert_close(loss, -(wanted * log_probabilities).sum(1).mean())


def test_squared_error() -> None:
    model, inputs, _ = nn.Linear(6, 1), torch.rand(5, 6), None
    targets = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0])
    objective = squared_error.build(task("regression", outputs=1, target_std=4.0))
    loss, outputs = objective(model, inputs, targets, draws(5))
    assert outputs.shape == (5, 1)
    torch.testing.assert_close(loss, ((outputs[:, 0] - targets) ** 2).mean() / 16)


@pytest.mark.parametrize("unit", [1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_squared_error_does_not_depend_on_the_unit_of_the_targets(unit: float) -> None:
    outputs = torch.nn.Parameter(unit * torch.tensor([[1.0], [2.0], [4.0]]))
    objective = squared_error.build(task("regression", outputs=1, target_std=2.0 * unit))
    targets = unit * torch.tensor([2.0, 2.0, 2.0])
    loss, _ = objective(lambda inputs: outputs, torch.zeros(3, 6), targets, draws(3))  # type: ignore[arg-type, return-value]
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert loss.item() == pytest.approx(5 / 12)
    slopes = [gradient * unit for gradient in outputs.grad[:, 0].tolist()]
    assert slopes == pytest.approx([-1 / 6, 0.0, 1 / 3])


def test_squared_error_of_the_mean_is_one() -> None:
    targets = torch.tensor([1.0, 5.0, 9.0])
    spread = targets.std(correction=0).item()
    objective = squared_error.build(task("regression", outputs=1, target_std=spread))

    class Mean(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.full((len(inputs), 1), 5.0)

    assert objective(Mean(), torch.zeros(3, 6), targets, draws(3))[0].item() == pytest.approx(1.0)


def test_mixup_formula() -> None:
    model, inputs, targets = batch()
    given = draws(8)
    loss, logits = mixup.build(MixupOptions(alpha=0.5))(model, inputs, targets, given)
    assert logits is None
    shares = draw_shares(given, 0.5, "mixup")
    partner = given.uniform("mixup/partner").argsort()
    assert sorted(partner.tolist()) == list(range(8))
    expected = 0.0
    for i, j in enumerate(partner.tolist()):
        share = shares[i].item()
        output = model(share * inputs[i] + (1 - share) * inputs[j]).log_softmax(0)
        expected -= (share * output[targets[i]] + (1 - share) * output[targets[j]]).item() / 8
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_shares_follow_a_beta_distribution(alpha: float) -> None:
    from scipy import stats

    shares = draw_shares(draws(4000), alpha, "mixup").numpy()
    assert shares.min() >= 0 and shares.max() <= 1
    assert stats.kstest(shares.astype(np.float64), stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_shares_belong_to_examples() -> None:
    index = torch.tensor([5, 2])
    shares = draw_shares(draws(9), 0.2, "mixup")
    assert torch.equal(draw_shares(draws(9).select(index), 0.2, "mixup"), shares[index])


RANDOM = {
    "mixup": mixup.build(MixupOptions()),
    "pgd-at": pgd_at.build(task(), PgdAtOptions(epsilon=0.1, steps=1, step_size=0.02)),
    "trades": trades.build(task(), TradesOptions(epsilon=0.1, steps=1, step_size=0.02)),
    "fast-at": fast_at.build(task(), FastAtOptions(epsilon=0.1, step_size=0.02, grad_align=0.5)),
}


@pytest.mark.parametrize("name", RANDOM)
def test_same_draws_same_loss(name: str) -> None:
    model, inputs, targets = batch()
    first, second, other = (
        RANDOM[name](model, inputs, targets, draws(8, key))[0].item() for key in (1, 1, 2)
    )
    assert first == second != other


@pytest.mark.parametrize(
    "objective",
    [
        pgd_at.build(task(), PgdAtOptions(epsilon=0.1)),
        trades.build(task(), TradesOptions(epsilon=0.1)),
        fast_at.build(task(), FastAtOptions(epsilon=0.1, grad_align=0.5)),
    ],
    ids=["pgd-at", "trades", "fast-at"],
)
def test_under_autocast_losses_are_float32_and_gradients_those_of_float32(objective: Any) -> None:
    """Weights that autocast casts during the search must not lose their gradient for training."""
    _, inputs, targets = batch(32)
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 3))

    def gradients() -> Tensor:
        model.zero_grad()
        loss.backward()
        found = [parameter.grad for parameter in model.parameters()]
        assert all(gradient is not None for gradient in found)
        return torch.cat([gradient.flatten() for gradient in found if gradient is not None])

    loss, _ = objective(model, inputs, targets, draws(32))
    plain, wanted = loss.item(), gradients()
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = objective(model, inputs, targets, draws(32))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(plain, rel=0.02)
    assert nn.functional.cosine_similarity(gradients(), wanted, dim=0) > 0.95


def test_options_are_checked() -> None:
    assert PgdAtOptions.model_validate({"epsilon": "8/255"}).epsilon == 8 / 255
    for make in (
        lambda: PgdAtOptions.model_validate({"epsilon": "8/0"}),
        lambda: FastAtOptions.model_validate({"epsilon": "a/b"}),
        lambda: TradesOptions.model_validate({"norm": "l1"}),
        lambda: TradesOptions(beta=-1.0),
        lambda: FastAtOptions(grad_align=-0.1),
        lambda: FastAtOptions.model_validate({"steps": 2}),
        lambda: PgdAtOptions(steps=0),
        lambda: MixupOptions(alpha=0.0),
        lambda: CrossEntropyOptions(label_smoothing=1.0),
    ):
        with pytest.raises(ValidationError):
            make()


def test_the_loss_of_the_problem_is_a_mean_over_examples_and_of_reals_over_their_variance():
    task = Task(
        modality="table",
        problem="regression",
        input_shape=(1,),
        outputs=1,
        low=0,
        high=1,
        target_std=2.0,
    )
    inputs, targets = torch.tensor([[1.0], [2.0]]), torch.tensor([3.0, 8.0])
    loss, outputs = problem_loss.build(task)(torch.nn.Identity(), inputs, targets, None)
    assert float(loss) == pytest.approx((4 + 36) / 2 / 4) and outputs is inputs
