"""Classes, factories and instances as people have them, built for data without a plugin."""

import sys
from pathlib import Path

import pytest
import torch

from harness.catalogue.own_class import own_class
from harness.data.model import DataSpaceModel, build_model
from harness.data.outputs import check_output
from harness.data.task import Task
from harness.errors import PluginError, UsageError
from harness.measure.flops import count_parameters
from harness.plan.names import settle

NETS = '''
from collections import namedtuple
from types import SimpleNamespace

import torch
from torch import nn


class Strict(nn.Sequential):
    takes = ("table", "image")

    def __init__(self, input_shape, num_classes, width=4):
        size = torch.Size(input_shape).numel()
        super().__init__(nn.Flatten(), nn.Linear(size, width), nn.Linear(width, num_classes))


class HandsOn(Strict):
    def __init__(self, **options):
        super().__init__(**options)


class TakesAny(Strict):
    def __init__(self, input_shape, num_classes, **options):
        super().__init__(input_shape, num_classes, options.get("width", 4))


class Needs(Strict):
    def __init__(self, input_shape, num_classes, vocabulary, depth):
        super().__init__(input_shape, num_classes)


class Returns(Strict):
    def __init__(self, input_shape, num_classes, how):
        super().__init__(input_shape, num_classes)
        self.how = how

    def forward(self, inputs):
        logits = super().forward(inputs)
        features = inputs.flatten(1)
        return {
            "object": SimpleNamespace(logits=logits, hidden=features),
            "dictionary": {"features": features, "logits": logits},
            "tuple": (logits, features),
            "named": namedtuple("Found", "logits aux")(logits, features),
            "list": [logits],
            "other": {"scores": logits},
            "features": (features, logits),
        }[self.how]


class Lazy(nn.Module):
    takes = ("image", "table")

    def __init__(self, num_classes):
        super().__init__()
        self.first, self.norm, self.last = nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.LazyLinear(num_classes)

    def forward(self, inputs):
        return self.last(self.norm(self.first(inputs.flatten(1))))


class Late(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.outputs, self.late = num_classes, None

    def forward(self, inputs):
        flat = inputs.flatten(1)
        if self.late is None:
            self.late = nn.Linear(flat.shape[1], self.outputs)
        return self.late(flat)


class Deep(nn.Sequential):
    """Halves the image five times: 32 pixels are the least."""

    def __init__(self, in_channels, num_classes):
        layers = [nn.Conv2d(in_channels if not i else 4, 4, 2, stride=2) for i in range(5)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


class Patches(nn.Sequential):
    """Says while it is built that 48 pixels or a multiple are wanted."""

    def __init__(self, input_shape, num_classes):
        if input_shape[1] % 48:
            raise ValueError(f"{input_shape[1]} is no multiple of 48")
        super().__init__(nn.Flatten(), nn.Linear(3 * 48 * 48 * (input_shape[1] // 48) ** 2, num_classes))


class Broken(nn.Linear):
    def __init__(self, num_classes):
        super().__init__(7, num_classes)


class Raw(Strict):
    input_range = "0..255"


class OfItsOwn(Strict):
    """Has parameters by the names of the harness's settings."""

    def __init__(self, input_shape, num_classes, resize="no"):
        super().__init__(input_shape, num_classes)
        self.resize = resize


class Stages(Strict):
    """Wants a tuple, and keeps what it was given."""

    def __init__(self, input_shape, num_classes, dims: "tuple[int, ...]" = (4, 4)):
        super().__init__(input_shape, num_classes, sum(dims))
        self.dims = dims


class Asserts(Stages):
    def __init__(self, input_shape, num_classes, dims):
        hash(dims)
        if not isinstance(dims[0], int):
            raise TypeError("dims are numbers")
        super().__init__(input_shape, num_classes, dims)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.layer = nn.Parameter(torch.ones(2)), nn.Linear(4, 2)

    def forward(self, inputs):
        return self.layer(inputs) * self.scale


instance = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
bare = Bare()
generator = Bare()
generator.stream = (i for i in ())


def factory(num_classes, width=3):
    return nn.Sequential(nn.Linear(4, width), nn.Linear(width, num_classes))
'''


@pytest.fixture(scope="module", autouse=True)
def nets(tmp_path_factory):
    folder = Path(tmp_path_factory.mktemp("own"))
    (folder / "own_nets.py").write_text(NETS)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("own_nets", None)


TABLE = Task(
    modality="table", problem="classification", input_shape=(4,), outputs=2, low=-3.0, high=3.0,
    mean=(1.0,) * 4, std=(2.0,) * 4,
)  # fmt: skip
IMAGE = Task(
    modality="image", problem="classification", input_shape=(1, 8, 8), outputs=3, low=0.0, high=1.0,
    mean=(0.5,), std=(0.25,),
)  # fmt: skip


def build(name: str, task: Task = TABLE, seed: int = 0, **options) -> DataSpaceModel:
    chosen = settle(own_class(f"own_nets:{name}"), "", {"takes": task.modality, **options})
    torch.manual_seed(seed)
    return build_model(chosen, task)


def outputs(model: DataSpaceModel, task: Task = TABLE) -> torch.Tensor:
    return check_output("it", task, model(torch.rand(5, *task.input_shape)))


# -- options


@pytest.mark.parametrize("name", ["Strict", "HandsOn", "TakesAny"])
def test_an_option_is_taken(name):
    for width in (4, 64):
        model = build(name, width=width)
        assert count_parameters(model).total == 5 * width + 2 * (width + 1)


@pytest.mark.parametrize("name", ["Strict", "factory"])
def test_an_option_that_is_not_taken_is_refused(name):
    with pytest.raises(UsageError, match=r"has no parameter 'widht'; did you mean 'width'\?"):
        build(name, widht=4)


def test_what_is_missing_is_said_with_what_there_is():
    with pytest.raises(
        PluginError, match=r"needs vocabulary, depth: write .*Needs:vocabulary=\.\.\."
    ):
        build("Needs")
    with pytest.raises(
        PluginError,
        match="may ask for by name: in_channels, input_shape, num_classes, pretrained, task",
    ):
        build("Needs", depth=3)


# -- outputs


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("object", "Takes the logits in its SimpleNamespace"),
        ("dictionary", "Takes the logits in its dict"),
        ("tuple", "Takes the first of 2 in its tuple"),
        ("named", "Takes the logits in its Found"),
        ("list", "Takes the first of 1 in its list"),
    ],
)
def test_logits_are_found_in_what_is_returned(how, words):
    model = build("Returns", how=how)
    assert outputs(model).shape == (5, 2) and outputs(model.train()).shape == (5, 2)
    assert model.adaptations()[-1] == words


def test_other_outputs_are_refused_in_words():
    with pytest.raises(PluginError, match="returned a dict of 'features', 'logs'") as caught:
        check_output("it", TABLE, {"features": 1, "logs": 2})
    assert "a dictionary with `logits`" in str(caught.value)
    with pytest.raises(PluginError, match="Returns.* returned a dict of 'scores'"):
        build("Returns", how="other")
    with pytest.raises(PluginError, match=r"returned the shape \(2, 4\); wanted \(batch, 2\)"):
        build("Returns", how="features")


def test_auxiliary_outputs_have_a_weight_where_it_is_given():
    assert build("Returns", how="tuple").auxiliary == 0
    model = build("Returns", how="tuple", auxiliary=0.3)
    assert model.auxiliary == 0.3
    assert "Trained with 0.3 of each auxiliary output's loss" in model.adaptations()
    for wrong in ("yes", -1, True, float("inf")):
        with pytest.raises(UsageError, match="auxiliary is the weight of the loss"):
            build("Returns", how="tuple", auxiliary=wrong)


# -- layers that their first input makes


@pytest.mark.parametrize("name", ["Lazy", "Late"])
@pytest.mark.parametrize("task", [TABLE, IMAGE], ids=["table", "image"])
def test_layers_are_there_before_anything_reads_them(name, task):
    model, same, other = (build(name, task, seed) for seed in (0, 0, 1))
    assert model.net.training
    weights = [m.state_dict() for m in (model, same, other)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not all(torch.equal(weights[0][key], weights[2][key]) for key in weights[0])
    same.load_state_dict(weights[2])
    inputs = torch.rand(3, *task.input_shape)
    assert torch.equal(same.eval()(inputs), other.eval()(inputs))


# -- sizes


@pytest.mark.parametrize(("name", "side"), [("Deep", 32), ("Strict", 8)])
def test_a_small_image_is_enlarged_where_it_must(name, side):
    model = build(name, IMAGE)
    assert outputs(model, IMAGE).shape == (5, 3)
    assert ("Resize to 32 x 32" in model.adaptations()) == (side == 32)
    again = build(name, IMAGE)
    assert all(map(torch.equal, model.parameters(), again.parameters()))


def test_a_size_may_be_given():
    rgb = Task(**{**IMAGE.to_json(), "input_shape": (3, 40, 40), "mean": (0,) * 3, "std": (1,) * 3})
    assert "Resize to 96 x 96" in build("Patches", rgb).adaptations()
    assert "Resize to 48 x 48" in build("Patches", rgb, resize=48).adaptations()
    with pytest.raises(PluginError, match=r"fails .* \(3, 50, 50\): ValueError: 50 is no multiple"):
        build("Patches", rgb, resize=50)
    with pytest.raises(UsageError, match="resize is a number of pixels, of images; got 'big'"):
        build("Deep", IMAGE, resize="big")
    with pytest.raises(UsageError, match="of images; got 32 for table data"):
        build("Strict", TABLE, resize=32)


def test_what_no_size_helps_is_refused_with_what_it_said_first():
    with pytest.raises(PluginError, match=r"of the shape \(1, 8, 8\): RuntimeError: mat1 and mat2"):
        build("Broken", IMAGE)
    with pytest.raises(PluginError, match="no size up to 256 x 256 is better"):
        build("Broken", IMAGE)
    with pytest.raises(PluginError, match=r"of the shape \(4,\): RuntimeError: (?!.*no size)"):
        build("Broken", TABLE)


# -- values


def test_raw_values_are_given_to_who_asks_for_them():
    seen = {}
    for name, options in (("Raw", {}), ("Raw", {"input_range": "-1..1"}), ("Strict", {})):
        model = build(name, IMAGE, **options)
        model.net.register_forward_pre_hook(lambda net, given: seen.update(last=given[0]))
        model(torch.tensor([0.0, 1.0]).repeat(2, 1, 8, 4))
        low, high = seen["last"].min().item(), seen["last"].max().item()
        seen[name, *options.values()] = (low, high, model.adaptations()[0])
    assert seen["Raw",] == (0.0, 255.0, "Rescale from 0..1 to 0..255")
    assert seen["Raw", "-1..1"] == (-1.0, 1.0, "Rescale from 0..1 to -1..1")
    assert seen["Strict",] == (-2.0, 2.0, "Normalise 1 means and deviations")
    with pytest.raises(
        UsageError, match="input_range is '255'; write two numbers, such as \"0..1\""
    ):
        build("Strict", IMAGE, input_range="255")


def test_a_class_keeps_its_own_parameters_of_these_names():
    assert build("OfItsOwn", IMAGE, resize="yes").net.resize == "yes"


def test_a_list_is_given_in_the_form_that_the_class_wants():
    assert build("Stages", dims=[2, 3]).net.dims == (2, 3)
    assert build("Asserts", dims=[2, 3]).net.dims == (2, 3)
    with pytest.raises(PluginError, match="TypeError: unhashable type: 'list'"):
        build("Asserts", dims=["x"])
    with pytest.raises(PluginError, match=r"not iterable; dims is a list .* dims=\[\[16\]\]$"):
        build("Stages", dims=16)


# -- instances and factories


def test_an_instance_is_copied_and_drawn_anew():
    import own_nets

    before = {key: value.clone() for key, value in own_nets.instance.state_dict().items()}
    models = [build("instance", seed=seed) for seed in (0, 0, 1)]
    weights = [model.net[0].weight for model in models]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    models[0].train()
    outputs(models[0])
    assert all(torch.equal(v, before[k]) for k, v in own_nets.instance.state_dict().items())
    assert models[0].adaptations() == ["Normalise 4 means and deviations"]
    assert outputs(build("factory", width=9)).shape == (5, 2)


def test_what_seeds_mean_nothing_for_is_said():
    words = "2 of 12 parameters are the instance's own whatever the seed: their modules have no"
    assert build("bare").adaptations()[-1].startswith(words)
    with pytest.raises(UsageError, match="is an instance, which takes no options; got width"):
        build("bare", width=3)
    with pytest.raises(
        PluginError, match=r"cannot be copied \(TypeError: cannot pickle 'generator'"
    ):
        build("generator")
