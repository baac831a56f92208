"""The networks for images: sizes on small images, options, what they are at the start."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

import harness_architectures
from harness.api import Task
from harness.api.measuring import call, resolve
from harness_architectures import (
    alexnet,
    convnext,
    densenet,
    efficientnet,
    googlenet,
    image_options,
    image_scale,
    inverted_residual,
    linear,
    mixer,
    mobilenet,
    patches,
    vgg,
    vit,
)
from harness_architectures.resnet import BottleneckBlock, ResidualBlock

ITEMS = {item.name: item for item in harness_architectures.harness_register_architectures()}
MODULES = (alexnet, vgg, googlenet, densenet, mobilenet, efficientnet, convnext, mixer)
NAMES = [module.__name__.rpartition(".")[2] for module in MODULES]
ON_DIGITS = {  # parameters at default options, 8 x 8 pixels, 10 classes
    "alexnet": 568_994,
    "vgg": 937_690,
    "googlenet": 90_306,
    "densenet": 46_394,
    "mobilenet": 154_954,
    "efficientnet": 194_230,
    "convnext": 154_330,
    "mixer": 31_906,
}


def build(name: str, shape: tuple[int, ...] = (1, 8, 8), **options: Any) -> nn.Module:
    item = ITEMS[name]
    assert item.options is not None
    task = Task(
        modality="image", problem="classification", input_shape=shape, outputs=10, low=0, high=1
    )
    chosen = item.options(**options)
    if item.wants is not None:
        shape = call(resolve(item.wants), task=task, options=chosen).shape
    built: nn.Module = call(
        resolve(item.build),
        task=task,
        input_shape=shape,
        in_channels=shape[0],
        num_classes=10,
        options=chosen,
    )
    return built


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def smallest_map(model: nn.Module, inputs: Tensor) -> int:
    """Return the side of the smallest maps that a convolution makes, but for those of one pixel that weigh channels."""
    sides = []

    def look(layer: nn.Module, given: Any, maps: Tensor) -> None:
        sides.append(min(maps.shape[2:]))

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            layer.register_forward_hook(look)
    model(inputs)
    return min(side for side in sides if side > 1)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_at_default_options(name: str) -> None:
    assert count(build(name)) == ON_DIGITS[name]


@pytest.mark.parametrize("side", [8, 32, 128])
@pytest.mark.parametrize("name", NAMES[:7])
def test_maps_keep_four_pixels(name: str, side: int) -> None:
    model = build(name, (3, side, side), **ITEMS[name].checked_with).eval()
    with torch.no_grad():
        assert smallest_map(model, torch.zeros(2, 3, side, side)) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_sides_that_nothing_divides(name: str) -> None:
    shape = (2, 21, 38)
    model = build(name, shape, **ITEMS[name].checked_with)
    wanted = patches.whole_patches(_task(shape), "auto").shape if name == "mixer" else shape
    assert model(torch.zeros(3, *wanted)).shape == (3, 10)


def _task(shape: tuple[int, ...]) -> Task:
    return Task(
        modality="image", problem="classification", input_shape=shape, outputs=10, low=0, high=1
    )


def test_where_maps_are_halved() -> None:
    assert image_scale.strides(8, 4) == [2, 1, 1, 1]
    assert image_scale.strides(32, 4) == [2, 2, 2, 1]
    assert image_scale.strides(7, 2) == [1, 1]
    assert [image_scale.stem_stride(side, 3, (4, 2, 1)) for side in (224, 128, 127, 64, 63)] == [
        4, 4, 2, 2, 1,
    ]  # fmt: skip
    assert image_scale.stem_stride(64, 3, (4, 1)) == 1


def test_linear_is_one_matrix_product() -> None:
    model = build("linear", (64,), initialisation="orthogonal")
    assert isinstance(model, linear.Linear)
    weight, bias = model.parameters()
    inputs = torch.randn(5, 64)
    torch.testing.assert_close(model(inputs), inputs @ weight.T + bias)
    torch.testing.assert_close(weight @ weight.T, torch.eye(10), atol=1e-5, rtol=0)


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("lenet", {"activation": "tanh", "initialisation": "xavier"}),
    ("alexnet", {"width": 2, "normalisation": "group", "activation": "silu"}),
    ("vgg", {"width": 2, "normalisation": "layer", "initialisation": "orthogonal"}),
    ("resnet", {"width": 4, "normalisation": "rms", "activation": "gelu"}),
    ("resnet", {"width": 4, "normalisation": "none", "initialisation": "kaiming"}),
    ("resnet", {"depth": 18, "width": 2}),
    ("resnet", {"depth": 50, "width": 2, "zero_residual": True}),
    ("googlenet", {"width": 2, "normalisation": "none"}),
    ("densenet", {"growth": 3, "dropout": 0.1, "normalisation": "group"}),
    ("mobilenet", {"width": 0.1, "stochastic_depth": 0.2, "normalisation": "layer"}),
    ("efficientnet", {"phi": -20, "activation": "relu"}),
    ("convnext", {"width": 4, "normalisation": "rms", "stochastic_depth": 0.5}),
    ("mixer", {"dim": 8, "dropout": 0.1, "initialisation": "xavier"}),
    ("vit", {"dim": 8, "pool": "class", "registers": 2, "initialisation": "orthogonal"}),
    ("vit", {"dim": 8, "activation": "silu", "normalisation": "rms"}),
    ("mlp", {"normalisation": "batch", "residual": True, "activation": "sigmoid"}),
    ("mlp", {"normalisation": "group", "initialisation": "orthogonal"}),
]


@pytest.mark.parametrize(
    ("name", "options"),
    OPTIONS,
    ids=[f"{name}-{number}" for number, (name, _) in enumerate(OPTIONS)],
)
def test_options_reach_the_network(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    shape = (64,) if name == "mlp" else (1, 8, 8)
    model = build(name, shape, **options)
    logits = model(torch.randn(5, *shape))
    assert logits.shape == (5, 10) and bool(logits.isfinite().all())
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_blocks_start_as_what_they_are_given_where_branches_start_at_zero() -> None:
    torch.manual_seed(0)
    tokens = torch.randn(2, 16, 48)
    mlp = build("mlp", (64,), residual=True, zero_residual=True, depth=3)
    features = torch.randn(3, 128)
    for layer in list(mlp.layers)[1:3]:  # type: ignore[arg-type]
        assert torch.equal(layer(features), features)
    for name in ("vit", "mixer"):
        blocks = build(name, zero_residual=True).blocks
        assert isinstance(blocks, nn.Module)
        torch.testing.assert_close(blocks(tokens), tokens)
    for name, block, options in (
        ("resnet", ResidualBlock, {}),
        ("resnet", BottleneckBlock, {"depth": 50, "width": 4}),
        ("convnext", convnext.ConvnextBlock, {}),
        ("mobilenet", inverted_residual.InvertedResidual, {"width": 0.1, "depth": 0.5}),
    ):
        found = [
            m for m in build(name, zero_residual=True, **options).modules() if isinstance(m, block)
        ]
        same = [one for one in found if getattr(one, "adds", True)]
        assert same
        for one in same:
            first = next(layer for layer in one.modules() if isinstance(layer, nn.Conv2d))
            maps = torch.randn(2, first.in_channels, 4, 4).relu()
            if name == "resnet" and not isinstance(one.shortcut, nn.Identity):
                continue
            torch.testing.assert_close(one(maps), maps)


def test_residual_mlp_adds_what_the_plain_one_replaces() -> None:
    torch.manual_seed(0)
    model = build("mlp", (4,), depth=2, width=3, residual=True, activation="tanh").double()
    first_weight, first_bias, weight, bias, last_weight, last_bias = model.parameters()
    inputs = torch.randn(5, 4, dtype=torch.float64)
    hidden = inputs @ first_weight.T + first_bias
    hidden = hidden + torch.tanh(hidden) @ weight.T + bias
    expected = torch.tanh(hidden) @ last_weight.T + last_bias
    torch.testing.assert_close(model(inputs), expected)
    assert count(model) == count(build("mlp", (4,), depth=2, width=3))


def test_head_of_a_vit_reads_the_class_token_alone() -> None:
    torch.manual_seed(0)
    model = build("vit", pool="class", registers=3, depth=1).eval()
    assert isinstance(model, vit.Vit)
    plain = count(build("vit", depth=1))
    assert count(model) == plain + 48 + 48 + 3 * 48  # the token, its position, the registers
    seen: list[Tensor] = []
    model.norm.register_forward_hook(lambda layer, given, tokens: seen.append(tokens))
    logits = model(torch.randn(2, 1, 8, 8))
    (tokens,) = seen
    assert tokens.shape == (2, 3 + 1 + 16, 48)
    torch.testing.assert_close(logits, model.head(tokens[:, 3]))


def test_a_dense_layer_puts_its_maps_beside_those_before() -> None:
    layer = densenet.DenseLayer(6, 4, image_options.DensenetOptions())
    maps = torch.randn(2, 6, 5, 5)
    found = layer(maps)
    assert found.shape == (2, 10, 5, 5) and torch.equal(found[:, :6], maps)


def test_compound_scaling() -> None:
    assert efficientnet.scale(4) == (1.4, 1.8)
    width, depth = efficientnet.scale(-2)
    assert (width, depth) == (pytest.approx(1 / 1.21), pytest.approx(1 / 1.44))
    # Of B2, as the authors' code rounds: 32, 16, 24, 48, 88, 120, 208, 352.
    widths = [32, *(stage.channels for stage in efficientnet.STAGES)]
    rounded = [inverted_residual.round_channels(1.1 * width) for width in widths]
    assert rounded == [32, 16, 24, 48, 88, 120, 208, 352]


def test_channels_are_weighed_by_the_whole_image() -> None:
    squeeze = inverted_residual.SqueezeExcitation(4, 2, "silu")
    maps = torch.randn(3, 4, 5, 5)
    weight = squeeze(maps) / maps
    torch.testing.assert_close(weight, weight[..., :1, :1].expand_as(weight))
    assert bool((weight > 0).all()) and bool((weight < 1).all())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("resnet", {"depth": 20}, "18, 34, 50, 101 or 152"),
        ("resnet", {"depth": 18, "blocks": 2}, "depth=18 says how many blocks"),
        ("densenet", {"depth": 121, "layers": 3}, "depth=121 says how many layers"),
        ("convnext", {"size": "tiny", "width": 8}, "size=tiny says how wide"),
        ("mlp", {"zero_residual": True}, "residual=true"),
        ("vit", {"patch": 0}, "greater than or equal to 1"),
        ("efficientnet", {"phi": 8}, "less than or equal to 7"),
    ],
)
def test_what_options_contradict_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        build(name, **options)
