"""A twin for searches: the same outputs and gradients of inputs with batch norms folded, none where something else is in the way."""

import pytest
import torch
from torch import nn

from harness.data.map_layout import is_by_channels, is_faster_by_channels
from harness.data.search_twin import SearchTwins


def seen(model):
    """Give statistics and weights that are not those of the start; in evaluation mode."""
    torch.manual_seed(0)
    model.train()(torch.randn(64, 2, 6, 6) * 2 + 1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias)
    return model.eval()


def answer(model, inputs):
    inputs = inputs.clone().requires_grad_()
    output = model(inputs)
    return output.detach(), torch.autograd.grad(output.square().sum(), inputs)[0]


def norms(model):
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


class Reused(nn.Module):
    """What the convolution gives is used a second time."""

    def __init__(self, second):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.second = second

    def forward(self, inputs):
        maps = self.convolution(inputs)
        return (self.norm(maps) + self.second(maps)).flatten(1)


class OwnNorm(nn.BatchNorm2d):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def plain(norm=None, bias=True):
    layers = [nn.Conv2d(2, 4, 3, bias=bias), norm or nn.BatchNorm2d(4), nn.ReLU()]
    return nn.Sequential(nn.Sequential(*layers), nn.Dropout(), nn.Flatten(), nn.Linear(64, 3))


class NamedInputs(nn.Module):
    """Layers are given their inputs by name."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)

    def forward(self, inputs):
        return self.norm(input=self.convolution(input=inputs)).flatten(1)


class LooksAtNorm(NamedInputs):
    """The model reads a weight of its norm."""

    def forward(self, inputs):
        return self.norm(self.convolution(inputs)).flatten(1) * self.norm.weight.sum()


class Spectrum(nn.Module):
    def forward(self, outputs):
        return torch.fft.fft(outputs)


def listen(model):
    model[0][1].register_forward_hook(lambda module, given, output: output.clamp_min(0))
    return model


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_it_computes_the_same_in_fewer_layers_and_follows_the_weights(affine, bias):
    norm = nn.BatchNorm2d(4, affine=affine)
    model, twins, inputs = seen(plain(norm, bias)), SearchTwins(), torch.randn(5, 2, 6, 6)
    assert norms(model) == 1
    for _ in range(2):
        folded = twins.of(model, inputs)
        assert norms(folded) == 0 and not folded.training
        for ours, theirs in zip(answer(folded, inputs), answer(model, inputs), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        with torch.no_grad():  # as a step of training does
            for tensor in (*model.parameters(), norm.running_mean, norm.running_var):
                tensor.mul_(1.5)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reused(nn.Identity()),
        lambda: Reused(nn.Tanh()),
        lambda: plain(OwnNorm(4)),
        lambda: plain(nn.BatchNorm2d(4, track_running_stats=False)),
        lambda: nn.Sequential(nn.Conv2d(2, 2, 1), nn.Tanh(), nn.BatchNorm2d(2)),
        lambda: nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 1)), nn.BatchNorm2d(2)
        ),
        lambda: nn.Sequential(plain(), Spectrum()),
        lambda: listen(plain()),
        NamedInputs,
    ],
)
def test_a_model_in_which_something_is_between_stays_itself(make):
    model, inputs = seen(make()), torch.randn(5, 2, 6, 6)
    assert norms(SearchTwins().of(model, inputs)) == norms(model)


def test_a_model_may_look_at_a_norm_that_is_folded():
    model, inputs = seen(LooksAtNorm()), torch.randn(5, 2, 6, 6)
    folded = SearchTwins().of(model, inputs)
    assert norms(folded) == 0
    torch.testing.assert_close(folded(inputs), model(inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        listen,
        lambda model: model[0][1].train(),
        lambda model: nn.utils.parametrizations.weight_norm(model[0][0]),
    ],
)
def test_layers_that_change_after_the_first_look_stay(change):
    model, twins, inputs = seen(plain()), SearchTwins(), torch.randn(5, 2, 6, 6)
    assert norms(twins.of(model, inputs)) == 0
    change(model)
    assert norms(twins.of(model, inputs)) == 1


def test_a_layer_in_the_place_of_another_is_folded():
    model, twins, inputs = seen(plain()), SearchTwins(), torch.randn(5, 2, 6, 6)
    twins.of(model, inputs)
    model[0][0] = nn.Conv2d(2, 4, 3)
    folded = twins.of(model, inputs)
    assert norms(folded) == 0
    torch.testing.assert_close(folded(inputs), model(inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{"groups": 2}, {"padding": 1, "padding_mode": "reflect"}])
def test_other_convolutions(settings):
    model = nn.Sequential(nn.Conv2d(2, 4, 3, **settings), nn.BatchNorm2d(4), nn.Flatten())
    model, inputs = seen(model), torch.randn(5, 2, 6, 6)
    folded = SearchTwins().of(model, inputs)
    assert norms(folded) == 0
    for ours, theirs in zip(answer(folded, inputs), answer(model, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_convolution_that_runs_twice_stays():
    convolution = nn.Conv2d(2, 2, 3, padding=1)
    model = nn.Sequential(convolution, nn.BatchNorm2d(2), convolution, nn.ReLU())
    model = seen(nn.Sequential(model, nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)))
    folded = SearchTwins().of(model, torch.randn(5, 2, 6, 6))
    assert norms(model) == 2 and norms(folded) == 1


def test_what_no_graph_shows_is_seen_in_the_outputs():
    """The second use of the convolution's maps has no gradient."""

    class Sharp(nn.Module):
        def forward(self, maps):
            return maps.detach().sign()

    model = seen(Reused(Sharp()))
    assert norms(SearchTwins().of(model, torch.randn(5, 2, 6, 6))) == 1


def test_looking_draws_no_random_numbers_and_no_examples_show_nothing():
    model = seen(plain())
    before = torch.get_rng_state()
    twins = SearchTwins()
    assert twins.of(model, torch.randn(0, 2, 6, 6)) is model
    assert norms(twins.of(model, torch.zeros(3, 2, 6, 6))) == 0
    assert bool((torch.get_rng_state() == before).all())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(dtype):
    model, inputs = seen(plain()), torch.randn(5, 2, 6, 6, dtype=dtype)
    model = model.to(dtype)
    folded = SearchTwins().of(model, inputs)
    assert norms(folded) == 0 and folded(inputs).dtype == dtype


def test_weights_have_a_gradient_after_a_look_in_lower_precision():
    """Autocast keeps what it cast."""
    model, inputs = seen(plain()), torch.randn(5, 2, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert norms(SearchTwins().of(model, inputs)) == 0
        model.train()(inputs).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


class Rows(nn.Module):
    """The model looks at maps as rows without a copy, which only one order in memory allows."""

    def forward(self, maps):
        return maps.view(len(maps), -1)


@pytest.mark.parametrize("view", [False, True])
def test_maps_lie_by_channels_where_the_model_takes_them_so_and_the_machine_gains(view):
    model, inputs = seen(plain()), torch.randn(5, 2, 6, 6)
    if view:
        model[2] = Rows()
    folded = SearchTwins().of(model, inputs)
    for ours, theirs in zip(answer(folded, inputs), answer(model, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        assert ours.is_contiguous()
    assert is_by_channels(folded[0](inputs)) == (is_faster_by_channels(inputs) and not view)
    assert not is_by_channels(model[0](inputs))
    assert model[0][0].weight.is_contiguous() and model[0][0].weight.requires_grad


def test_small_convolutions_are_products_that_follow_the_weights():
    model, twins = (
        nn.Sequential(nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.Flatten()),
        SearchTwins(),
    )
    inputs = torch.rand(5, 1, 8, 8)
    for _ in range(2):
        folded = twins.of(model, inputs)
        assert (type(folded[0]) is not nn.Conv2d) == is_faster_by_channels(inputs)
        for ours, theirs in zip(answer(folded, inputs), answer(model, inputs), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            model[0].weight.mul_(2.0)
