"""The last linear layer is found by what it gives, and features are what it is given."""

import torch
from torch import nn

from harness.measure.linear_head import HeadInputs, find_linear_head

INPUTS = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


class Tangled(nn.Module):
    """The head is registered first, and another layer of as many outputs last."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.body = nn.Linear(36, 8)
        self.decoy = nn.Linear(36, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        flat = inputs.flatten(1)
        out = self.head(self.body(flat).relu())
        self.decoy(flat)
        return out


def test_the_head_is_the_layer_whose_output_the_logits_are():
    model = Tangled().eval()
    assert find_linear_head(model, INPUTS) is model.head
    features = HeadInputs(model.head)
    logits = model(INPUTS)
    assert torch.allclose(features.last, model.body(INPUTS.flatten(1)).relu())
    assert torch.allclose(
        nn.functional.linear(features.last, model.head.weight, model.head.bias), logits
    )


def test_a_model_that_ends_in_something_else_has_none():
    torch.manual_seed(0)
    flat = nn.Flatten()
    convolution = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), flat)
    activated = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), nn.ReLU())
    assert (activated[:2](INPUTS) < 0).any()  # else what ends in a ReLU gives what its layer gives
    for model in (convolution, activated):
        assert find_linear_head(model.eval(), INPUTS) is None


def test_hooks_are_gone_afterwards():
    model = Tangled().eval()
    find_linear_head(model, INPUTS)
    assert not any(module._forward_hooks for module in model.modules())
