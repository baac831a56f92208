"""Training with channels side by side: the same but for rounding, weights in the usual order, and nothing where a model minds."""

import copy

import pytest
import torch
from torch import nn

from harness.data.map_layout import is_by_channels, is_faster_by_channels
from harness.train.maps_by_channels import maps_by_channels


class Mean(nn.Module):
    def forward(self, maps):
        return maps.mean((2, 3))


class Rows(nn.Module):
    def forward(self, maps):
        return maps.view(len(maps), -1) if self.training else maps.flatten(1)


class RowsOfValidation(nn.Module):
    def forward(self, maps):
        return maps.flatten(1) if self.training else maps.view(len(maps), -1)


def network(channels=3, end=Mean, middle=nn.Identity):
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(channels, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        middle(),
    ]
    layers += [nn.Conv2d(8, 16, 3, stride=2, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*layers, end(), nn.Linear(16 if end is Mean else 256, 4))


def laid_out(model, inputs):
    return maps_by_channels(model, lambda: inputs[:4], nn.Module.train)


def steps(model, inputs, fused):
    """Take three steps; return the gradients of the last."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, fused=fused)
    for _ in range(3):
        optimizer.zero_grad()
        model(inputs).square().sum().backward()
        optimizer.step()
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fused", [True, False])
def test_weights_are_those_of_the_usual_order_but_for_rounding_and_lie_in_it(channels, fused):
    inputs = torch.randn(16, channels, 9, 9)
    model = network(channels).train()
    model(inputs)
    plain, maps = copy.deepcopy(model), []
    expected = steps(plain, inputs, fused)
    with laid_out(model, inputs) as order:
        listening = model[4].register_forward_hook(
            lambda module, given, output: maps.append(output)
        )
        found = steps(model, inputs, fused)
        listening.remove()
    assert order == ("channels_last" if is_faster_by_channels(inputs) else "contiguous")
    assert is_by_channels(maps[-1]) == (order == "channels_last")
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max()))
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        assert ours.stride() == theirs.stride() and ours.grad.is_contiguous()
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


@pytest.mark.parametrize(
    "settings", [{"end": Rows}, {"end": RowsOfValidation}, {"middle": nn.Dropout}]
)
def test_a_model_that_minds_stays(settings):
    """Two view maps as rows, one of them where it is validated; one draws numbers for maps as they lie."""
    inputs = torch.randn(16, 3, 9, 9)
    model = network(**settings)
    with laid_out(model, inputs) as order:
        assert order == "contiguous"


def test_looking_leaves_the_model_as_it_was():
    inputs = torch.randn(16, 3, 9, 9)
    model = network().train()
    model(inputs)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with laid_out(model, inputs):
        pass
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert bool((torch.get_rng_state() == random).all())
    assert all(parameter.grad is None for parameter in model.parameters())
