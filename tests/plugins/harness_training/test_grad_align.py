"""GradAlign: its value and its gradient by finite differences, and cases that are known."""

from __future__ import annotations

import pytest
import torch
from objective_cases import batch, draws, moody_net
from torch import Tensor, nn

from harness.api import Budget
from harness_training.grad_align import misalignment

BUDGET = Budget("linf", 0.3, 0.0, 1.0)


def smooth() -> tuple[nn.Module, Tensor, Tensor]:
    _, inputs, targets = batch(5)
    return moody_net().double(), inputs.double(), targets


def slope(model: nn.Module, at: Tensor, target: Tensor) -> Tensor:
    """The gradient of one example's cross-entropy by central differences."""

    def loss(where: Tensor) -> Tensor:
        return -model(where[None]).log_softmax(1)[0, target]

    found = torch.zeros(len(at), dtype=at.dtype)
    for place in range(len(at)):
        step = torch.zeros_like(at)
        step[place] = 1e-5
        found[place] = (loss(at + step) - loss(at - step)).detach() / 2e-5
    return found


def test_value_by_finite_differences() -> None:
    model, inputs, targets = smooth()
    found = misalignment(model, inputs, targets, BUDGET, draws(5))
    assert model.training
    model.eval()
    near = BUDGET.random(inputs, draws(5))
    assert not torch.equal(near, inputs)
    total = 0.0
    for x, other, target in zip(inputs, near, targets, strict=True):
        one, two = slope(model, x, target), slope(model, other, target)
        total += 1 - (one @ two / (one.norm() * two.norm())).item()
    assert total / 5 > 1e-3
    assert found.item() == pytest.approx(total / 5, rel=1e-5)


def test_gradient_by_finite_differences() -> None:
    model, inputs, targets = smooth()

    def value() -> float:
        return misalignment(model, inputs, targets, BUDGET, draws(5)).item()

    misalignment(model, inputs, targets, BUDGET, draws(5)).backward()
    largest = 0.0
    for parameter in model.parameters():
        assert parameter.grad is not None
        flat = parameter.data.view(-1)
        for place in range(0, len(flat), 7):
            kept = flat[place].item()
            flat[place] = kept + 1e-5
            up = value()
            flat[place] = kept - 1e-5
            down = value()
            flat[place] = kept
            found = parameter.grad.view(-1)[place].item()
            assert found == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-8)
            largest = max(largest, abs(found))
    assert largest > 1e-3


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_gradients_of_a_linear_model_are_aligned(norm: str) -> None:
    """Two classes: all gradients lie along the difference of the rows of the weights."""
    torch.manual_seed(0)
    model, inputs, targets = nn.Linear(6, 2), torch.rand(20, 6), torch.arange(20) % 2
    found = misalignment(model, inputs, targets, Budget(norm, 0.5, 0, 1), draws(20))
    assert found.item() == pytest.approx(0, abs=1e-6)


class Vee(nn.Module):
    """Logits (0, w |x|): the gradient turns round at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([0 * inputs, self.weight * inputs.abs()], 1)


def test_opposite_gradients_count_two() -> None:
    inputs, targets = torch.full((200, 1), 1e-6), torch.zeros(200, dtype=torch.int64)
    budget = Budget("linf", 0.5, -1.0, 1.0)
    turned = (budget.random(inputs, draws(200)) < 0).float().mean().item()
    assert 0.3 < turned < 0.7
    found = misalignment(Vee(), inputs, targets, budget, draws(200))
    assert found.item() == pytest.approx(2 * turned, rel=1e-5)


def test_an_example_without_a_gradient_does_not_count() -> None:
    """A prediction that is certain in float32 has none; nor has what follows from it a NaN."""
    model = Vee()
    inputs = torch.tensor([[-0.5], [0.5], [0.5], [900.0]])
    targets = torch.tensor([0, 0, 0, 1])
    found = misalignment(model, inputs, targets, Budget("linf", 0.1, -999, 999), draws(4))
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert model.weight.grad is not None and model.weight.grad.isfinite()
    only = misalignment(model, inputs[3:], targets[3:], Budget("linf", 0.1, -999, 999), draws(1))
    assert only.item() == 0


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer, self.head = kind(2, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.head(self.layer(inputs.view(-1, 3, 2))[0][:, -1])
        return found


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.head = nn.Linear(2, 24), nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        parts = self.into(inputs.view(-1, 3, 2)).view(-1, 3, 3, 8).transpose(1, 2)
        query, key, value = parts.unbind(2)
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        found: Tensor = self.head(seen.mean(1))
        return found


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
@pytest.mark.parametrize("kind", ["gru", "lstm", "attention"])
def test_layers_whose_fast_kernels_have_no_second_derivative(kind: str, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    torch.manual_seed(0)
    made = {"gru": lambda: Recurrent(nn.GRU), "lstm": lambda: Recurrent(nn.LSTM)}
    model = made.get(kind, Attending)().to(device)
    _, inputs, targets = batch(8)
    given = draws(8)
    given = type(given)(given.key, given.ids.to(device))
    found = misalignment(model, inputs.to(device), targets.to(device), BUDGET, given)
    found.backward()
    assert found.item() > 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
