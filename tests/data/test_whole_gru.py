"""A layer of gated recurrent units as one node of autograd: torch's outputs and gradients, and what is left to torch."""

import copy

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from harness.data.search_twin import SearchTwins
from harness.data.whole_gru import WholeGru, whole_grus, without_gradients


class Reader(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.recurrent = nn.GRU(3, 5, batch_first=True, **settings)
        self.head = nn.Linear(10 if settings.get("bidirectional") else 5, 2)

    def forward(self, inputs):
        return self.head(self.recurrent(inputs)[0].mean(1))


def whole(layer):
    copied = copy.deepcopy(layer)
    copied.__class__ = WholeGru
    return copied


def told(layer, inputs):
    """Outputs, and the gradients of inputs and weights of a sum that all of them are in."""
    inputs = inputs.clone().requires_grad_()
    states, last = layer(inputs)
    weighed = [one * torch.linspace(-1, 1, one.numel()).view_as(one) for one in (states, last)]
    total = sum(one.sum() for one in weighed)
    return states, last, *torch.autograd.grad(total, [inputs, *layer.parameters()])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [True, False])
def test_outputs_and_gradients_are_torchs_but_for_rounding(both, layers, batch_first):
    torch.manual_seed(0)
    layer = nn.GRU(3, 5, layers, bidirectional=both, batch_first=batch_first)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    for shape in ((4, 7, 3), (1, 1, 3), (1, 6, 3), (6, 1, 3)):
        inputs = 2 * torch.randn(shape)
        exact = [one.float() for one in told(copy.deepcopy(layer).double(), inputs.double())]
        for found, expected in zip(told(whole(layer), inputs), exact, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_autograd_has_one_node_where_torch_has_many():
    torch.manual_seed(0)
    layer, counts = nn.GRU(3, 5, bidirectional=True), []
    for one in (layer, whole(layer)):
        output, _ = one(torch.randn(16, 4, 3))  # torch 2.11 forgets a node of our own with it
        waiting, met = [output.grad_fn], {output.grad_fn}
        while waiting:
            nodes = {node for node, _ in waiting.pop().next_functions if node is not None} - met
            met |= nodes
            waiting += nodes
        counts.append(len(met) - len(list(one.parameters())))
    assert counts[1] == 1 and counts[0] > 16 * 2 * 9


def test_gradients_can_be_differentiated_again():
    torch.manual_seed(0)
    layer, inputs, seconds = nn.GRU(3, 5, bidirectional=True), torch.randn(4, 2, 3), []
    for one in (layer, whole(layer)):
        given = inputs.clone().requires_grad_()
        wanted = [given, *one.parameters()]
        slopes = torch.autograd.grad(one(given)[0].square().sum(), wanted, create_graph=True)
        seconds.append(torch.autograd.grad(sum(slope.square().sum() for slope in slopes), wanted))
    for found, expected in zip(*seconds, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_several_gradients_may_be_asked_for_at_once():
    torch.manual_seed(0)
    layer, inputs, found = nn.GRU(3, 5, bidirectional=True), torch.randn(4, 2, 3), []
    slopes = torch.randn(6, 4, 2, 10)
    for one in (layer, whole(layer)):
        given = inputs.clone().requires_grad_()
        wanted = [given, *one.parameters()]
        found.append(torch.autograd.grad(one(given)[0], wanted, slopes, is_grads_batched=True))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("both", [True, False])
def test_outputs_may_be_changed_in_place_and_slopes_be_of_any_strides(both):
    torch.manual_seed(0)
    layer, found = nn.GRU(3, 5, bidirectional=both, batch_first=True), []
    for one in (layer, whole(layer)):
        given = torch.linspace(-1, 1, 24).view(2, 4, 3).requires_grad_()
        states = one(given)[0]
        states.mul_(2.0)[:, 1:].relu_()
        total = states.sum() + one(given)[0].mean(1).expand(3, -1, -1).sum()
        found.append(torch.autograd.grad(total, [given, *one.parameters()]))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_what_torch_makes_by_default_does_not_matter():
    layer, inputs = whole(nn.GRU(3, 5, bidirectional=True)), torch.randn(4, 2, 3)
    expected = told(layer, inputs)
    torch.set_default_dtype(torch.float64)
    try:
        states, last = layer(inputs)
        (states.sum() + last.sum()).backward()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(states, expected[0]) and torch.equal(last, expected[1])
    assert all(one.grad.dtype is torch.float32 for one in layer.parameters())


def through(layer, inputs):
    return layer(inputs)[0]


def with_other_weights(layer, inputs):
    others = {name: 2 * weight for name, weight in layer.named_parameters()}
    return torch.func.functional_call(layer, others, (inputs,))[0]


def handed_out_once(layer, inputs):
    """As a checkpoint hands out what was kept."""
    kept = {}

    def keep(tensor):
        kept[len(kept)] = tensor
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(keep, kept.pop):
        return layer(inputs)[0]


def inputs_changed_in_place(layer, inputs):
    copied = 1.0 * inputs
    states = layer(copied)[0]
    copied.mul_(2.0)
    return states


@pytest.mark.parametrize(
    "use", [through, with_other_weights, handed_out_once, inputs_changed_in_place]
)
def test_it_is_used_in_all_ways_in_which_torchs_is(use):
    torch.manual_seed(0)
    layer, inputs, found = nn.GRU(3, 5, batch_first=True), torch.randn(4, 6, 3), []
    searched = without_gradients(layer)
    for one in (layer, whole(layer), searched):
        given, weights = inputs.clone().requires_grad_(), [*one.parameters()]
        wanted = [given] if one is searched else [given, *weights]
        found.append(torch.autograd.grad(use(one, given).square().sum(), wanted))
    for other in found[1:]:
        for ours, theirs in zip(other, found[0], strict=False):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.slow  # seconds of imports
def test_several_slopes_at_once_by_functorch():
    torch.manual_seed(0)
    layer, inputs, found = nn.GRU(3, 5), torch.randn(6, 2, 3), []
    for one in (layer, whole(layer)):
        given = inputs.clone().requires_grad_()
        each = one(given)[0].sum((0, 1))

        def back(slope, each=each, given=given):
            return torch.autograd.grad(each, given, slope, retain_graph=True)[0]

        found.append(torch.func.vmap(back)(torch.eye(5)))
    torch.testing.assert_close(*found)


def in_forward_mode(layer, inputs):
    with forward_ad.dual_level():
        return layer(inputs)[0]


def slope(layer, inputs):
    return torch.func.grad(lambda given: layer(given)[0].sum())(inputs)


def in_bfloat16(layer, inputs):
    with torch.autocast("cpu", torch.bfloat16):
        return layer(inputs)[0]


def packed(layer, inputs):
    return layer(nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor([6, 3])))[0].data


@pytest.mark.filterwarnings("ignore:.torch.jit.*deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    ("settings", "use"),
    [
        ({}, lambda layer, inputs: layer(inputs, torch.ones(1, 2, 5))[0]),
        ({}, lambda layer, inputs: layer(inputs[:, 0])[0]),
        ({}, lambda layer, inputs: layer.double()(inputs.double())[0]),
        ({}, lambda layer, inputs: torch.jit.trace(layer, inputs)(inputs)[0]),
        ({}, packed),
        ({}, in_bfloat16),
        ({}, in_forward_mode),
        pytest.param({}, slope, marks=pytest.mark.slow),  # seconds of imports
        ({"bias": False}, lambda layer, inputs: layer(inputs)[0]),
        ({"num_layers": 2, "dropout": 0.5}, lambda layer, inputs: layer(inputs)[0]),
    ],
)
def test_what_it_is_not_for_is_torchs_to_the_bit(settings, use):
    torch.manual_seed(0)
    layer, inputs, found = nn.GRU(3, 5, **settings), torch.randn(6, 2, 3), []
    for one in (layer, whole(layer)):
        torch.manual_seed(1)
        found.append(use(copy.deepcopy(one), inputs))
    assert torch.equal(*found)


def test_what_it_is_for_has_other_bits():
    """Else the test above would pass whatever is left to torch."""
    torch.manual_seed(0)
    layer, inputs = nn.GRU(3, 5), torch.randn(6, 2, 3)
    assert not torch.equal(layer(inputs)[0], whole(layer)(inputs)[0])


def test_wrong_inputs_are_refused_in_torchs_words():
    with pytest.raises(RuntimeError, match=r"input.size\(-1\) must be equal to input_size"):
        whole(nn.GRU(3, 5))(torch.randn(6, 2, 4))


def test_layers_are_whole_meanwhile_and_the_same_objects():
    torch.manual_seed(0)
    model, inputs = Reader(), torch.randn(4, 7, 3)
    names, expected = list(model.state_dict()), model(inputs)
    with pytest.raises(ZeroDivisionError), whole_grus(model):
        assert type(model.recurrent) is WholeGru
        assert list(model.state_dict()) == names
        torch.testing.assert_close(model(inputs), expected)
        model(inputs).sum().backward()
        1 / 0  # noqa: B018
    assert type(model.recurrent) is nn.GRU
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert torch.equal(model(inputs), expected)


def test_searches_for_inputs_have_whole_layers_whose_weights_get_no_gradient():
    torch.manual_seed(0)
    model, inputs = Reader(bidirectional=True).eval(), torch.randn(4, 7, 3)
    twins, answers = SearchTwins(), []
    for _ in range(2):
        searched = twins.of(model, inputs)
        assert type(searched.recurrent) is WholeGru and type(model.recurrent) is nn.GRU
        for one in (searched, model):
            given = inputs.clone().requires_grad_()
            found = one(given).square().sum()
            answers.append((found.detach(), torch.autograd.grad(found, given)[0]))
        torch.testing.assert_close(*answers[-2:])
        with torch.no_grad():  # as a step of training does
            for parameter in model.parameters():
                parameter.mul_(1.5)
    assert not torch.allclose(answers[0][0], answers[2][0])
    apart = without_gradients(model.recurrent)
    assert not apart(inputs)[0].requires_grad and model.recurrent(inputs)[0].requires_grad


def test_a_layer_with_a_hook_is_searched_as_it_is():
    model = Reader().eval()
    model.recurrent.register_forward_hook(lambda module, given, output: None)
    assert SearchTwins().of(model, torch.randn(4, 7, 3)) is model
