"""Checkpointed blocks: the same gradients and statistics bit for bit, and fewer bytes kept for them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from train_cases import same_weights, sgd, split, training

from harness.train.fit import fit
from harness_training.checkpointing import Checkpointing


def deep_net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        blocks = [
            nn.Sequential(
                nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2)
            )
            for _ in range(6)
        ]
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), Blocks(blocks), nn.Flatten(), nn.Linear(144, 3)
        )


class Blocks(nn.Module):
    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, inputs: Tensor) -> Tensor:
        for block in self.blocks:
            inputs = block(inputs)
        return inputs


def kept_bytes(net: nn.Module) -> int:
    """Return the bytes that a forward pass keeps for its gradient, each tensor once."""
    seen: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    inputs, _, _ = next(iter(split().batches(64)))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(inputs)
    weights = {p.untyped_storage().data_ptr() for p in net.parameters()}
    return sum(t.untyped_storage().nbytes() for key, t in seen.items() if key not in weights)


def test_a_fit_is_the_same() -> None:
    ours, plain = deep_net(), deep_net()
    how = {"make_optimizer": sgd(0.05), "epochs": 2}
    fit(ours, training(techniques=[Checkpointing], **how), split(), split(30, seed=1))
    fit(plain, training(**how), split(), split(30, seed=1))
    assert same_weights(ours, plain)
    assert [type(one) for one in ours.modules()] == [type(one) for one in plain.modules()]


def test_blocks_keep_their_inputs_alone() -> None:
    """A block here is a whole one of the six, which has four activations of 64 x 4 x 6 x 6 floats."""
    net = deep_net().train()
    whole = kept_bytes(copy.deepcopy(net))
    hooks = Checkpointing()
    hooks.prepare(net)
    less = kept_bytes(net)
    hooks.finish(net)
    assert kept_bytes(net) == whole
    one = 64 * 4 * 36 * 4
    assert whole > 3 * 6 * one and less < 1.6 * 6 * one
