"""State that a model holds outside its state dict: kept with its weights, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from train_cases import task

from harness.errors import CheckpointError
from harness.train import checkpoint
from harness.train.outside_state import keep_outside, outside, restore


class Features(nn.Module):
    """Random features, drawn as the network is built."""

    def __init__(self, registered: bool = True) -> None:
        super().__init__()
        self.head = nn.Linear(16, 3)
        if registered:
            self.register_buffer("drawn", torch.randn(36, 16), persistent=False)
        else:
            self.drawn = torch.randn(36, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(x.flatten(1) @ self.drawn))


class Plain(Features):
    def __init__(self) -> None:
        super().__init__(registered=False)


class Normed(nn.Sequential):
    """All of its state is in its state dict, and dropout is off."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.BatchNorm1d(36), nn.Dropout(), nn.Linear(36, 3))


class Averaged(Normed):
    """Answers with an average of its weights that it keeps in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.average = [self[3].weight.detach().clone()]

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.average[0].T


class Counting(Normed):
    """Answers by the number of steps that it was trained for."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def forward(self, x: Tensor) -> Tensor:
        self.steps += self.training
        return super().forward(x) * (self.steps + 1)


class Noisy(Normed):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.randn(1, generator=NOISE)


NOISE = torch.Generator().manual_seed(0)


def inputs() -> Tensor:
    return torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def fitted(make: Callable[[], nn.Module]) -> nn.Module:
    model = make().train()
    model(inputs())
    return model.eval()


def rebuilt(make: Callable[[], nn.Module], model: nn.Module) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        made = make()
        made.load_state_dict(model.state_dict())
        return made.eval()

    return build


@pytest.mark.parametrize("make", [Features, Plain])
def test_what_was_drawn_is_measured_as_it_was_fitted(make: type[nn.Module], tmp_path: Path) -> None:
    model = fitted(make)
    kept = keep_outside("net", model, rebuilt(make, model), inputs())
    assert list(kept) == ["drawn"]
    checkpoint.save(model, tmp_path, task(), kept)
    again = make().eval()
    assert not torch.equal(again(inputs()), model(inputs()))
    checkpoint.load(again, tmp_path)
    assert torch.equal(again(inputs()), model(inputs()))
    assert set(again.state_dict()) == {"head.weight", "head.bias"}


@pytest.mark.parametrize("make", [Normed, Noisy])
def test_nothing_is_kept_of_a_model_that_is_whole_or_random(make: type[nn.Module]) -> None:
    model = fitted(make)
    assert keep_outside("net", model, rebuilt(make, model), inputs()) == {}


@pytest.mark.parametrize(("make", "name"), [(Averaged, "average"), (Counting, "steps")])
def test_state_that_is_no_tensor_is_refused_by_name(make: type[nn.Module], name: str) -> None:
    model = fitted(make)
    with pytest.raises(CheckpointError, match=rf"net returns something else .*\({name}\)"):
        keep_outside("net", model, rebuilt(make, model), inputs())


def test_weights_of_a_plain_file_have_nothing_outside(tmp_path: Path) -> None:
    checkpoint.save(fitted(Normed), tmp_path, task())
    again = Normed()
    checkpoint.load(again, tmp_path)
    assert outside(again) == {}


def test_only_tensors_that_are_there_are_put_back() -> None:
    with pytest.raises(CheckpointError, match="forward is not in the model"):
        restore(Normed(), {"forward": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"9\.drawn is not in the model"):
        restore(Normed(), {"9.drawn": torch.zeros(1)})
