"""Layer-wise rates: what a layer is, and that a step of it is as long as its rate says."""

from __future__ import annotations

import pytest
import torch
from technique_cases import fitted
from torch import nn
from torch.nn.utils import parametrize
from train_cases import sgd, small_net

from harness.api.training import Fitting
from harness_training.blocks import block_of, blocks_of
from harness_training.layer_decay import LayerDecay
from harness_training.lora import LowRank
from harness_training.options import LayerDecayOptions, LoraOptions


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("net.blocks.3.attn.qkv", "net.blocks.3"),
        ("net.layer1.0.conv1", "net.layer1.0"),
        ("net.0.2.1", "net.0.2.1"),
        ("net.head", "net.head"),
        ("conv", "conv"),
    ],
)
def test_what_a_layer_is(name: str, block: str) -> None:
    assert block_of(name) == block


def test_layers_keep_their_order() -> None:
    assert blocks_of(["a.0.x", "a.0.y", "a.1.x", "b"]) == ["a.0", "a.1", "b"]


def test_the_first_step_is_shorter_by_the_factor_of_its_layer() -> None:
    """Three layers: a convolution, its norm, a head; without momentum a step is the rate times the gradient."""
    how = {"epochs": 1, "make_optimizer": sgd(0.1), "batch_size": 100}
    ours, _, found = fitted(lambda: LayerDecay(LayerDecayOptions(factor=0.5)), **how)
    plain, _, _ = fitted(**how)
    start = small_net().state_dict()
    for layer, factor in (("0", 0.25), ("1", 0.5), ("5", 1.0)):
        for name in (f"{layer}.weight", f"{layer}.bias"):
            step, whole = (net.state_dict()[name] - start[name] for net in (ours, plain))
            assert torch.allclose(step, factor * whole, atol=1e-6), name
    assert found.curves[0]["learning_rate"] == 0.1


def test_groups_of_an_optimizer_are_split_and_keep_what_they_say() -> None:
    def groups(named):
        matrices = [p for _, p in named if p.dim() > 1]
        others = [p for _, p in named if p.dim() <= 1]
        made.append(
            torch.optim.AdamW(
                [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
            )
        )
        return made[-1]

    made: list[torch.optim.Optimizer] = []
    net, _, _ = fitted(lambda: LayerDecay(LayerDecayOptions()), make_optimizer=groups)
    decays = {id(p): g["weight_decay"] for g in made[0].param_groups for p in g["params"]}
    assert [decays[id(p)] for p in net.parameters()] == [0.1, 0.0, 0.0, 0.0, 0.1, 0.0]
    assert isinstance(net, nn.Module) and len(made[0].param_groups) == 5


def test_what_a_module_holds_itself_is_one_layer() -> None:
    """A recurrent layer has four tensors, a changed weight three; neither is as many layers."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.linear, self.head = nn.GRU(3, 4), nn.Linear(4, 5), nn.Linear(5, 2)

    net = Net()
    parametrize.register_parametrization(
        net.linear, "weight", LowRank(net.linear.weight, LoraOptions(rank=2))
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    hooks = LayerDecay(LayerDecayOptions(factor=0.5))
    hooks.begin(Fitting(net, optimizer, 1, lambda: iter(())))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in net.named_parameters()}
    assert {name.partition(".")[0]: rate for name, rate in found.items()} == {
        "gru": 0.25,
        "linear": 0.5,
        "head": 1.0,
    }
    assert len(found) == 10 and len(set(found.values())) == 3
