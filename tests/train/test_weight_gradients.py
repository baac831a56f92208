"""The gradient of the weights against the loss's differences: whole, cut, held and rounded."""

import resource

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from harness.data.draws import Draws
from harness.train.weight_gradients import check_weights, find_wrong_weights

INPUTS = torch.rand(32, 12, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(32) % 3


def network(*middle: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, last = nn.Linear(12, 16), nn.Linear(16, 3)
        return nn.Sequential(first, *middle, nn.ReLU(), last).train()


def plain(model, inputs, targets, draws):
    logits = model(inputs)
    return functional.cross_entropy(logits, targets), logits


def look(model, objective=plain):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = check_weights(model, objective, INPUTS, TARGETS, Draws(0, torch.arange(32)))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    return found


class Step(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, inputs):
        return self.function(inputs)


@pytest.mark.parametrize(
    "middle",
    [[], [nn.BatchNorm1d(16)], [nn.Dropout(0.3)], [nn.LayerNorm(16), nn.GELU()]],
    ids=["plain", "batch norm", "dropout", "layer norm"],
)
def test_a_whole_gradient_passes(middle):
    found = look(network(*middle))
    assert found.wrong == () and found.check.near and find_wrong_weights(found) == []


def test_weights_that_begin_at_zero_are_moved_off_their_kink():
    model = network()
    nn.init.zeros_(model[0].bias)
    assert look(model, lambda m, x, y, d: plain(m, 0 * x, y, d)).wrong == ()


def test_the_parameters_behind_a_cut_are_named():
    found = look(network(Step(torch.detach)))
    assert found.wrong == ("0.weight", "0.bias") and found.asked == 4
    (finding,) = find_wrong_weights(found)
    assert "2 of 4 parameters (0.weight, 0.bias)" in finding.sentence


def test_a_part_of_a_gradient_is_missed_too():
    found = look(network(Step(lambda x: x + x.detach().tanh())))
    assert found.wrong == ("0.weight", "0.bias")


def test_a_parametrization_with_a_derivative_is_whole_and_one_without_is_not():
    assert look(parametrized(parametrizations.weight_norm)).wrong == ()
    found = look(
        parametrized(
            lambda layer: torch.nn.utils.parametrize.register_parametrization(
                layer, "weight", Halves()
            )
        )
    )
    assert found.wrong == ("2.parametrizations.weight.original",)


def parametrized(change):
    model = network()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        change(model[2])
    return model


class Halves(nn.Module):
    """Half of the weights as they are, and half under no_grad."""

    def forward(self, weight):
        with torch.no_grad():
            half = weight / 2
        return weight / 2 + half


def test_rounded_weights_with_a_straight_through_gradient_pass():
    class Rounded(nn.Module):
        def forward(self, weight):
            return weight + ((weight * 1024).round() / 1024 - weight).detach()

    change = lambda layer: torch.nn.utils.parametrize.register_parametrization(
        layer, "weight", Rounded()
    )
    assert look(parametrized(change)).wrong == ()


def test_a_loss_with_something_held_is_found_and_so_is_one_under_no_grad():
    def held(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits, logits.softmax(1).detach()), logits

    assert look(network(), held).wrong
    calls = []

    def switched(model, inputs, targets, draws):
        with torch.no_grad():
            calls.append(model(inputs))
        return plain(model, inputs, targets, draws)

    assert look(network(), switched).wrong == () and calls


def asserting(x):
    assert x.dtype == torch.float32
    return x


@pytest.mark.parametrize("step", [lambda x: functional.linear(x, torch.eye(16)), asserting])
def test_what_takes_float32_alone_is_looked_at_in_it(step):
    model = network(Step(step))
    found = look(model)
    assert found.wrong == () and not found.check.near and "float64" in found.said
    cut = network(Step(lambda x: functional.linear(x.detach(), torch.eye(16))))
    assert look(cut).wrong == ("0.weight", "0.bias")


def test_nothing_to_train_is_nothing_to_look_at():
    model = network()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert look(model) is None


@pytest.mark.slow
def test_a_large_network_is_looked_at_in_a_few_of_its_weights_at_a_time():
    """Of eight million weights, ten points and their graphs at once take gigabytes."""
    model = nn.Sequential(nn.Linear(12, 4096), nn.ReLU(), nn.Linear(4096, 2048), nn.ReLU())
    model.append(nn.Linear(2048, 3))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = look(model)
    assert found.wrong == () and found.asked == 6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 800e3  # kB
