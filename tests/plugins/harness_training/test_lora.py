"""LoRA: the best change of its rank, all of it at full rank, and nothing else moves but the head."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from train_cases import adamw, small_net, split, task, training

from harness.api import NotApplicable
from harness.data.model import DataSpaceModel
from harness.train.fit import fit
from harness_training.lora import Lora, LowRank
from harness_training.options import LoraOptions


def wrapped(net: nn.Module) -> DataSpaceModel:
    return DataSpaceModel([], net, nn.Identity())


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_least_squares_by_a_change_of_low_rank(rank: int) -> None:
    """Of inputs without correlation the least error of a change of rank r is sum of s_i^2, i > r, s the singular values
    of the whole change (Eckart & Young 1936); at full rank it is nought, and the weights are those of the whole.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        wanted = torch.linalg.qr(torch.randn(5, 4))[0] @ torch.diag(
            torch.tensor([2.0, 1.5, 1.0, 0.5])
        )
        start = torch.randn(5, 4)
        change = LowRank(start, LoraOptions(rank=rank))
        with torch.no_grad():
            optimizer = torch.optim.LBFGS(change.parameters(), max_iter=500, tolerance_grad=1e-9)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (change(start) - start - wanted).square().sum()  # |X W'|^2 = |W'|^2
            loss.backward()
            return loss

        assert torch.equal(change(start), start)
        optimizer.step(closure)
        left = wanted.new_tensor([2.0, 1.5, 1.0, 0.5])[rank:].square().sum()
        assert float(closure().detach()) == pytest.approx(float(left), abs=1e-4)
        if rank == 4:
            assert torch.allclose(change(start), start + wanted, atol=1e-3)


def test_what_a_fit_changes() -> None:
    """Weights by the rank at most, the head whole, and no bias, norm or running statistic; names are as before."""
    net = nn.Sequential(small_net()[:5], nn.Linear(144, 20), nn.ReLU(), nn.Linear(20, 3))
    model = wrapped(net)
    before = copy.deepcopy(model.state_dict())
    how = training(
        techniques=[lambda: Lora(task(), LoraOptions(rank=2))],
        make_optimizer=adamw(0.02),
        epochs=6,
    )
    found = fit(model, how, split(), split(30, seed=1))
    after = model.state_dict()
    assert list(after) == list(before) and all(p.requires_grad for p in model.parameters())
    ranks = {
        name: int(torch.linalg.matrix_rank((after[name] - before[name]).flatten(1), atol=1e-4))
        for name in before
        if before[name].dim() > 1
    }
    assert ranks == {"net.0.0.weight": 2, "net.1.weight": 2, "net.3.weight": 3}
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {*ranks, "net.3.bias"}
    assert (found.curves[-1]["validation_accuracy"] or 0) > 0.6


def test_attention_is_changed_too() -> None:
    net = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True, dropout=0.0)

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = net, nn.Linear(12, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(self.layer(inputs.flatten(1).view(len(inputs), 3, 12)).mean(1))

    model = wrapped(Rows())
    before = copy.deepcopy(model.state_dict())
    how = training(techniques=[lambda: Lora(task(), LoraOptions(rank=1))], make_optimizer=adamw())
    fit(model, how, split(), split(30, seed=1))
    name = "net.layer.self_attn.in_proj_weight"
    change = model.state_dict()[name] - before[name]
    assert int(torch.linalg.matrix_rank(change, atol=1e-5)) == 1


def test_a_weight_that_has_its_size_apart_stays_so() -> None:
    """As those of `tcn`: what was trained is in the parts of the weight, under the names that they had."""
    net = weight_norm(nn.Linear(36, 5))
    model = wrapped(nn.Sequential(nn.Flatten(), net, nn.Linear(5, 3)))
    names, hooks = list(model.state_dict()), Lora(task(), LoraOptions(rank=1))
    hooks.prepare(model)
    with torch.no_grad():
        net.parametrizations.weight[-1].b.fill_(0.5)
    trained = net.weight.detach().clone()
    hooks.finish(model)
    assert list(model.state_dict()) == names and all(p.requires_grad for p in model.parameters())
    assert torch.allclose(net.weight, trained, atol=1e-6)
    size = net.parametrizations.weight.original0
    assert torch.allclose(size, trained.norm(dim=1, keepdim=True))


def test_a_network_without_such_weights_is_refused() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent, self.head = nn.GRU(6, 4, batch_first=True), nn.Linear(4, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(self.recurrent(inputs.flatten(1, 2))[0].mean(1))

    with pytest.raises(NotApplicable, match='freeze = "trunk"'):
        Lora(task(), LoraOptions()).prepare(wrapped(Last()))
