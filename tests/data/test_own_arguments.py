"""Classes with names of their own for sizes, and with configurations, built for data by a name alone."""

import sys
from dataclasses import replace

import pytest
import torch

from harness.catalogue.own_class import own_class
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.errors import PluginError, UsageError
from harness.plan.names import settle

PACKAGE = '''
from dataclasses import dataclass

import torch
from torch import nn


class Patches(nn.Module):
    """Names the sizes in its own way and takes its input by keyword."""

    def __init__(self, *, image_size, n_classes, channels=3, patch_size=4):
        super().__init__()
        assert image_size % patch_size == 0, "image size must be divisible by the patch size"
        self.layer = nn.Conv2d(channels, n_classes, patch_size, stride=patch_size)

    def forward(self, *, pixel_values):
        return {"logits": self.layer(pixel_values).mean((2, 3))}


class Cells(nn.Module):
    def __init__(self, d_in, d_out, cat_cardinalities=None):
        super().__init__()
        self.layer = nn.Linear(d_in, d_out)

    def forward(self, numbers, categories):
        assert categories is None
        return self.layer(numbers)


class Fixed(nn.Sequential):
    def __init__(self, planes=3, outs=1000):
        super().__init__(nn.Conv2d(planes, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outs))


class Normed(nn.Sequential):
    """Of three channels, which no convolution says."""

    def __init__(self, num_classes):
        super().__init__(nn.Flatten(2), nn.Flatten(), nn.LayerNorm(3 * 64), nn.Linear(3 * 64, num_classes))


@dataclass
class PatchesConfig:
    image_size: int = 224
    num_channels: int = 3
    num_labels: int = 2
    patch_size: int = 4
    dropout: float = 0.0


class Configured(Patches):
    def __init__(self, config: PatchesConfig):
        super().__init__(
            image_size=config.image_size, n_classes=config.num_labels,
            channels=config.num_channels, patch_size=config.patch_size,
        )
        self.config = config


class Inherits(Configured):
    config_class = PatchesConfig

    def __init__(self, config):
        super().__init__(config)


class Unknown(Configured):
    def __init__(self, config):
        super().__init__(config)
'''

IMAGE = Task(
    modality="image", problem="classification", input_shape=(1, 8, 8), outputs=5, low=0.0, high=1.0
)
TABLE = Task(
    modality="table", problem="classification", input_shape=(6,), outputs=2, low=0.0, high=1.0,
    mean=(0.0,) * 6, std=(1.0,) * 6,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sized")
    (folder / "sized_nets.py").write_text(PACKAGE)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("sized_nets", None)


def build(name: str, task: Task, **options) -> DataSpaceModel:
    model = build_model(settle(own_class(f"sized_nets:{name}"), "", options), task)
    assert model(torch.rand(3, *task.input_shape)).shape == (3, task.outputs)
    return model


def test_sizes_are_given_and_said():
    model = build("Patches", IMAGE)
    assert model.net.layer.weight.shape == (5, 1, 4, 4)
    assert model.adaptations()[-3:] == [
        "Takes the logits in its dict",
        "Given its input as pixel_values",
        "Given channels=1, image_size=8, n_classes=5 of the data",
    ]
    assert "Given None for categories" in build("Cells", TABLE).adaptations()
    enlarged = build("Patches", IMAGE, patch_size=16).adaptations()
    assert "Resize to 16 x 16" in enlarged and "image_size=16" in enlarged[-1]


@pytest.mark.parametrize("name", ["Configured", "Inherits"])
def test_a_configuration_is_built_of_defaults_options_and_sizes(name):
    model = build(name, IMAGE, patch_size=2, dropout=0.5)
    config = model.net.config
    assert (config.image_size, config.num_channels, config.num_labels) == (8, 1, 5)
    assert (config.patch_size, config.dropout) == (2, 0.5)
    assert model.adaptations()[-2:] == [
        "Built from PatchesConfig",
        "Given num_channels=1, image_size=8, num_labels=5 of the data by its configuration",
    ]
    assert build(name, IMAGE, num_labels=5, image_size=8).net.config.dropout == 0.0
    with pytest.raises(UsageError, match="PatchesConfig has no option 'dropuot'; did you mean"):
        build(name, IMAGE, dropuot=1)


def test_a_configuration_of_no_known_class_is_refused_in_words():
    with pytest.raises(PluginError, match="needs config: .* or name its class, config: MyConfig"):
        build("Unknown", IMAGE)


def test_a_wrong_size_is_told_with_the_data_and_the_parameters_like_it():
    with pytest.raises(PluginError, match="expected input.* to have 5 channels") as caught:
        build("Fixed", IMAGE, planes=5)
    words = str(caught.value)
    assert "The data have 1 channel of 8 x 8 pixels and 5 classes" in words
    assert "its parameters that look like sizes: planes=5" in words
    assert words.endswith(
        "It is given image data as they are; takes= can be sequence (of rows) or table (flat)"
    )
    with pytest.raises(
        PluginError, match=r"the shape \(2, 1000\).* like sizes: planes=1, outs=1000$"
    ):
        build("Fixed", IMAGE, planes=1, takes="image")
    build("Fixed", IMAGE, planes=1, outs=5)


def test_colours_are_made_for_a_class_of_three_channels():
    assert "MatchChannels to 3" in build("Fixed", IMAGE, outs=5).adaptations()
    assert "MatchChannels to 3" in build("Normed", IMAGE).adaptations()
    rgb = replace(IMAGE, input_shape=(3, 8, 8), mean=(0.0,) * 3, std=(1.0,) * 3)
    assert "MatchChannels to 1" in build("Fixed", rgb, outs=5, planes=1).adaptations()
    assert not any("Match" in words for words in build("Fixed", rgb, outs=5).adaptations())
