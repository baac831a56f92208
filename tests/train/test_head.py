"""The head is what makes the outputs, whatever it is called and wherever it was registered."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from harness.api import import_timm
from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.errors import CheckpointError, PluginError
from harness.train.checkpoint import freeze_trunk
from harness.train.head import find_head, layers_of, output_dimensions

WIDTH, CLASSES = 6, 3


class Registered(nn.Module):
    """The head is registered first, and an unused layer of its width last."""

    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Linear(WIDTH, CLASSES)
        self.trunk = nn.Sequential(nn.Linear(4, WIDTH), nn.ReLU())
        self.project = nn.Linear(4, CLASSES)
        self.unused = nn.Linear(WIDTH, CLASSES)

    def forward(self, inputs):
        return self.classify(self.trunk(inputs) + functional.pad(self.project(inputs), (0, 3)))


class Functional(nn.Module):
    """A product with the module's own parameters, scaled, as contrastive models do."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.classes = (
            nn.Parameter(torch.zeros(())),
            nn.Parameter(torch.rand(WIDTH, CLASSES)),
        )
        self.trunk = nn.Linear(4, WIDTH)

    def forward(self, inputs):
        return self.scale.exp() * (functional.normalize(self.trunk(inputs)) @ self.classes)


class Two(nn.Module):
    """Two heads, the mean of which is the output."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.trunk, self.other = (
            nn.Linear(WIDTH, CLASSES),
            nn.Linear(4, WIDTH),
            nn.Linear(4, CLASSES),
        )

    def forward(self, inputs):
        return (self.one(self.trunk(inputs).relu()) + self.other(inputs)) / 2


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(
            nn.Linear(4, WIDTH), nn.ReLU(), nn.utils.weight_norm(nn.Linear(WIDTH, CLASSES))
        )


def convolutional():
    """As SqueezeNet: a convolution, then what has no parameters; the trunk's last layer is as wide."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, CLASSES, 1), nn.ReLU(), nn.Conv2d(CLASSES, CLASSES, 1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


CASES = {
    "one layer": (lambda: nn.Linear(4, CLASSES), {"weight", "bias"}),
    "first registered": (Registered, {"classify.weight", "classify.bias"}),
    "functional": (Functional, {"scale", "classes"}),
    "two heads": (Two, {"one.weight", "one.bias", "other.weight", "other.bias"}),
    "convolution and pooling": (convolutional, {"3.weight", "3.bias"}),
    "old weight norm": (old_weight_norm, {"2.bias", "2.weight_g", "2.weight_v"}),
    "parametrized": (
        lambda: nn.Sequential(nn.Linear(4, WIDTH), parametrizations.weight_norm(nn.Linear(WIDTH, CLASSES))),
        {"1.bias", "1.parametrizations.weight.original0", "1.parametrizations.weight.original1"},
    ),
    "spectral norm": (
        lambda: nn.Sequential(nn.Linear(4, WIDTH), parametrizations.spectral_norm(nn.Linear(WIDTH, CLASSES))),
        {"1.bias", "1.parametrizations.weight.original"},
    ),
    "normalised outputs": (
        lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, CLASSES), nn.BatchNorm1d(CLASSES)),
        {"2.weight", "2.bias", "3.weight", "3.bias"},
    ),
    "frozen before": (
        lambda: nn.Sequential(nn.Linear(4, WIDTH), nn.Linear(WIDTH, CLASSES)).requires_grad_(False),
        {"1.weight", "1.bias"},
    ),
}  # fmt: skip


def task(outputs: int = CLASSES, **changes) -> Task:
    fields = {
        "modality": "table",
        "problem": "classification",
        "input_shape": (4,),
        "low": -1.0,
        "high": 1.0,
    }
    return Task(**{**fields, "outputs": outputs, **changes})


def make(build, of: Task) -> DataSpaceModel:
    item = Architecture(name="net", build=build, takes=("table", "image"))
    return build_model(Chosen(item=item, label="net"), of)


@pytest.mark.parametrize("name", CASES)
def test_the_parameters_that_make_the_outputs(name):
    build, expected = CASES[name]
    model = make(build, task())
    before = torch.get_rng_state()
    learns = [parameter.requires_grad for parameter in model.parameters()]
    assert find_head(model, task()) == expected
    assert [parameter.requires_grad for parameter in model.parameters()] == learns
    assert model.training and torch.equal(torch.get_rng_state(), before)
    freeze_trunk(model, task())
    assert {n for n, p in model.net.named_parameters() if p.requires_grad} == expected


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_put_in_another_order_along_the_heads_rows(name):
    model = make(CASES[name][0], task()).eval()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    found = output_dimensions(model, task(), find_head(model, task()))
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    inputs, order = torch.rand(5, 4), torch.tensor([2, 0, 1])
    with torch.no_grad():
        expected = model(inputs)[:, order]
        own = model.net.state_dict()
        for key, dimension in found.items():
            own[key].copy_(own[key].index_select(dimension, order))
        torch.testing.assert_close(model(inputs), expected)


def test_layers_are_named_without_torchs_own_parts():
    parametrized = frozenset(CASES["parametrized"][1])
    assert layers_of(parametrized) == ["1"]
    assert layers_of(frozenset({"scale", "head.fc.weight"})) == ["", "head.fc"]


def test_a_regressions_head_is_one_row():
    model = make(
        lambda: nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 1)), task(1, problem="regression")
    )
    assert find_head(model, task(1, problem="regression")) == {"1.weight", "1.bias"}


TIMM = {
    "resnet10t": {"fc"},
    "vit_tiny_patch16_224": {"head"},
    "convnext_atto": {"head.fc"},
    "deit_tiny_distilled_patch16_224": {"head", "head_dist"},
    "mobilenetv3_small_050": {"classifier"},
}


@pytest.mark.parametrize("name", TIMM)
def test_the_heads_of_timm(name):
    timm = import_timm()
    image = task(7, modality="image", input_shape=(3, 64, 64))
    sized = {"img_size": 64} if "patch" in name else {}
    model = make(
        lambda num_classes: timm.create_model(name, num_classes=num_classes, **sized), image
    )
    assert set(layers_of(find_head(model, image))) == TIMM[name]


class Softmax(nn.Sequential):
    """Each output depends on its neighbour's logit: they cannot be put in another order."""

    def forward(self, inputs):
        logits = super().forward(inputs)
        return logits - 2 * logits.roll(1, 1) ** 2 * torch.arange(CLASSES)


def test_outputs_that_are_no_rows_are_said():
    model = make(lambda: Softmax(nn.Linear(4, CLASSES)), task())
    with pytest.raises(CheckpointError, match="outputs of Softmax are not the rows of a layer"):
        output_dimensions(model, task(), find_head(model, task()))


class Rounded(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs.round().detach())


class Wrong(nn.Linear):
    def forward(self, inputs):
        return {"scores": super().forward(inputs)}


def test_a_network_without_a_head_is_said():
    with pytest.raises(CheckpointError, match="the head of Rounded is not known: no way leads"):
        find_head(make(lambda: Rounded(4, CLASSES), task()), task())
    with pytest.raises(PluginError, match="Wrong returned a dict of 'scores'"):
        find_head(make(lambda: Wrong(4, CLASSES), task()), task())
