"""Training on interval bounds: the loss by hand, and what it does to the accuracy that is proved."""

from __future__ import annotations

import pytest
import torch
from here_engine import run_here
from measure_cases import image_task
from torch import nn
from torch.nn import functional

from harness.api import Draws, NotApplicable
from harness.data.whole_gru import whole_grus
from harness_certified.ibp import build
from harness_certified.options import IbpOptions


def batch(n: int = 5) -> tuple[torch.Tensor, torch.Tensor, Draws]:
    generator = torch.Generator().manual_seed(0)
    inputs = 0.2 + 0.6 * torch.rand((n, 1, 6, 6), generator=generator)
    return inputs, torch.arange(n) % 3, Draws(1, torch.arange(n))


def test_the_loss_is_that_of_the_worst_corner_of_each_ball():
    """Of a linear model the least margin to a class lies at x - r sign(w_y - w_j): exact."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    inputs, targets, draws = batch()
    loss, logits = build(image_task(), IbpOptions(epsilon=0.1, kappa=0.25))(
        model, inputs, targets, draws
    )
    weight, bias = model[1].weight, model[1].bias
    weight, bias, logits = weight.detach(), bias.detach(), logits.detach()
    worst, sure = torch.zeros(5, 3), logits.softmax(1)[torch.arange(5), targets]
    for i, y in enumerate(targets.tolist()):
        radius = 0.1 * sure[i]
        for j in range(3):
            apart = weight[y] - weight[j]
            corner = inputs[i].flatten() - radius * apart.sign()
            worst[i, j] = -(apart @ corner + bias[y] - bias[j])
    clean, bound = (
        functional.cross_entropy(one, targets, reduction="none") for one in (logits, worst)
    )
    expected = ((1 - 0.75 * sure) * clean + 0.75 * sure * bound).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert model[1].weight.grad.abs().sum() > 0


def test_modes_come_back_and_dropout_is_off_in_the_bounds():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3)
    )
    inputs, targets, draws = batch()
    losses = set()
    for _ in range(2):
        torch.manual_seed(0)
        loss, _ = build(image_task(), IbpOptions(kappa=0.0))(model.train(), inputs, targets, draws)
        losses.add(loss.item())
    assert all(module.training for module in model.modules()) and len(losses) == 1


def test_a_model_without_bounds_is_refused():
    class Squared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(36, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            found = self.inner(inputs.flatten(1))
            return found * found

    inputs, targets, draws = batch()
    with pytest.raises(NotApplicable, match="no bound goes through a product of two activations"):
        build(image_task(), IbpOptions())(Squared(), inputs, targets, draws)


def test_recurrence_is_refused_by_name_while_it_is_trained():
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = nn.GRU(6, 3, batch_first=True)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.recurrent(inputs.squeeze(1))[0].mean(1)

    model, (inputs, targets, draws) = Rows(), batch()
    with (
        whole_grus(model),
        pytest.raises(NotApplicable, match="no bound goes through GRU"),
    ):
        build(image_task(), IbpOptions())(model, inputs, targets, draws)


@pytest.mark.slow
def test_more_is_proved_on_digits_after_it(tmp_path):
    suite = {
        "suite": {"name": "ibp"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"], "floors": False},
        "recipes": {
            "plain": {"optimizer": "adamw:learning_rate=1e-2", "epochs": 12},
            "ibp": {
                "optimizer": "adamw:learning_rate=1e-2",
                "epochs": 12,
                "objective": "ibp:epsilon=16/255",
            },
        },
        "measure": [
            {"name": "accuracy"},
            {
                "name": "certified",
                "methods": ["interval"],
                "linf": ["4/255"],
                "examples": 200,
                "attack": [],
            },
        ],
    }
    report = run_here(suite, store=tmp_path).summary
    (column,) = (column for column in report.columns if "proved" in column.title)
    rows = {row.recipe: row for row in report.rows}
    plain, ibp = (rows[name].figures for name in ("plain", "ibp"))
    assert ibp[column.key].value > plain[column.key].value + 0.15
    assert ibp["headline"].value > 0.93
