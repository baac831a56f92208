"""The small architectures: counts, shapes, gradients, options."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from harness.api import Task
from harness.api.measuring import call
from harness_architectures import layers, lenet, mlp, patches, resnet, vit
from harness_architectures.options import (
    LenetOptions,
    MlpOptions,
    ResnetOptions,
    VitOptions,
)
from harness_architectures.transformer import Attention

MODULES: dict[str, Any] = {"mlp": mlp, "lenet": lenet, "resnet": resnet, "vit": vit}
OPTIONS: dict[str, Any] = {
    "mlp": MlpOptions,
    "lenet": LenetOptions,
    "resnet": ResnetOptions,
    "vit": VitOptions,
}


def build(name: str, shape: tuple[int, ...], classes: int = 10, **options: Any) -> nn.Module:
    modality = {1: "table", 3: "image"}[len(shape)]
    built: nn.Module = call(
        MODULES[name].build,
        task=Task(
            modality=modality,
            problem="classification",
            input_shape=shape,
            outputs=classes,
            low=0,
            high=1,
        ),
        input_shape=shape,
        in_channels=shape[0],
        num_classes=classes,
        options=OPTIONS[name](**options),
    )
    return built


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def image_task(channels: int, height: int, width: int) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(channels, height, width),
        outputs=10,
        low=0.0,
        high=1.0,
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", (64,)),
        ("lenet", (1, 8, 8)),
        ("lenet", (3, 8, 12)),
        ("lenet", (1, 28, 28)),
        ("lenet", (3, 97, 224)),
        ("resnet", (1, 8, 8)),
        ("resnet", (3, 33, 20)),
        ("vit", (1, 8, 8)),
        ("vit", (3, 32, 16)),
        ("vit", (3, 224, 224)),
    ],
)
def test_logits_and_gradients(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, shape, classes=7)
    logits = model(torch.randn(3, *shape))
    assert logits.shape == (3, 7)
    functional.cross_entropy(logits, torch.tensor([0, 3, 6])).backward()
    for label, parameter in model.named_parameters():
        assert parameter.grad is not None, label
        assert parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize("name", list(MODULES))
def test_one_output_for_regression(name: str) -> None:
    shape = {"mlp": (6,)}.get(name, (1, 8, 8))
    assert build(name, shape, classes=1)(torch.randn(2, *shape)).shape == (2, 1)


@pytest.mark.parametrize("name", list(MODULES))
def test_seed_decides_the_weights(name: str) -> None:
    shape = {"mlp": (6,)}.get(name, (1, 8, 8))
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(torch.cat([p.flatten() for p in build(name, shape).parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_mlp_parameters() -> None:
    features, width, classes = 64, 20, 10
    first, middle, head = (features + 1) * width, (width + 1) * width, (width + 1) * classes
    assert count(build("mlp", (features,), width=width, depth=3)) == first + 2 * middle + head
    assert count(build("mlp", (features,), depth=0)) == (features + 1) * classes


def test_mlp_computes_what_it_says() -> None:
    model = build("mlp", (4,), classes=2, depth=1, width=3, activation="tanh")
    first_weight, first_bias, weight, bias = model.parameters()
    inputs = torch.randn(5, 4)
    expected = torch.tanh(inputs @ first_weight.T + first_bias) @ weight.T + bias
    torch.testing.assert_close(model(inputs), expected)


@pytest.mark.parametrize("activation", list(layers.ACTIVATIONS))
def test_mlp_activations(activation: str) -> None:
    model = build("mlp", (4,), activation=activation)
    assert any(type(module) is layers.ACTIVATIONS[activation] for module in model.modules())


def test_lenet_is_lenet5_at_28_pixels() -> None:
    model = build("lenet", (1, 28, 28), channels1=6, channels2=16)
    expected = (25 + 1) * 6 + (6 * 25 + 1) * 16
    expected += (16 * 5 * 5 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert expected == 61_706  # the usual count of LeNet-5 with fully connected maps
    assert count(model) == expected


def test_lenet_on_digits() -> None:
    expected = (25 + 1) * 16 + (16 * 25 + 1) * 32
    expected += (32 * 2 * 2 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert count(build("lenet", (1, 8, 8))) == expected


def test_lenet_wants_eight_pixels() -> None:
    assert lenet.wants(image_task(3, 5, 9)).shape == (3, 8, 9)
    assert lenet.wants(image_task(1, 28, 28)).shape == (1, 28, 28)


def test_resnet_is_resnet20_of_the_paper() -> None:
    # He et al. 2016, table 6: 0.27 M parameters, with identity shortcuts; two 1 x 1 convolutions
    # with their norms come on top here.
    shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    model = build("resnet", (3, 32, 32), blocks=3)
    assert round((count(model) - shortcuts) / 1e6, 2) == 0.27


def test_resnet_parameters_on_digits() -> None:
    assert 60_000 <= count(build("resnet", (1, 8, 8))) <= 200_000


@pytest.mark.parametrize(("side", "patch"), [(8, 2), (28, 4), (32, 4), (64, 8), (224, 16)])
def test_vit_chooses_its_patch(side: int, patch: int) -> None:
    assert patches.choose_patch("auto", side, side) == patch


def test_vit_rounds_its_input_up() -> None:
    assert vit.wants(image_task(3, 33, 20), VitOptions(patch=4)).shape == (3, 36, 20)


def test_vit_parameters() -> None:
    dim, depth, hidden, tokens, classes = 16, 2, 32, 16, 10
    block = 4 * dim + (dim + 1) * 3 * dim + (dim + 1) * dim
    block += (dim + 1) * hidden + (hidden + 1) * dim
    expected = (4 + 1) * dim + tokens * dim + depth * block + 2 * dim + (dim + 1) * classes
    model = build("vit", (1, 8, 8), dim=dim, depth=depth, heads=2, mlp_ratio=2.0)
    assert count(model) == expected


def test_vit_attention_against_its_formula() -> None:
    attention = Attention(dim=8, heads=2).double()
    tokens = torch.randn(3, 5, 8, dtype=torch.float64)
    packed = attention.queries_keys_values(tokens)
    heads = []
    for head in range(2):
        queries, keys, values = (
            packed[..., part * 8 + head * 4 : part * 8 + head * 4 + 4] for part in range(3)
        )
        heads.append(torch.softmax(queries @ keys.transpose(1, 2) / 4**0.5, -1) @ values)
    expected = attention.output(torch.cat(heads, -1))
    torch.testing.assert_close(attention(tokens), expected)


def test_vit_without_positions_does_not_see_their_order() -> None:
    model = build("vit", (1, 4, 4), patch=2).double().eval()
    assert isinstance(model, vit.Vit)
    image = torch.randn(1, 1, 4, 4, dtype=torch.float64)
    swapped = torch.cat([image[..., 2:, :], image[..., :2, :]], dim=2)
    assert not torch.allclose(model(image), model(swapped))
    with torch.no_grad():
        model.positions.zero_()
    torch.testing.assert_close(model(image), model(swapped))


def test_vit_heads_must_divide_the_width() -> None:
    with pytest.raises(ValidationError, match="heads=5 does not divide dim=48"):
        build("vit", (1, 8, 8), heads=5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"depth": -1}),
        ("mlp", {"activation": "sigmoidal"}),
        ("lenet", {"width": 3}),
        ("resnet", {"stages": 0}),
        ("vit", {"patch": "small"}),
    ],
)
def test_options_are_checked(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OPTIONS[name](**options)


@pytest.mark.parametrize("name", ["mlp", "lenet", "vit"])
def test_dropout_acts_in_training_only(name: str) -> None:
    shape = {"mlp": (6,)}.get(name, (1, 8, 8))
    model = build(name, shape, dropout=0.5)
    inputs = torch.randn(4, *shape)
    assert not torch.equal(model(inputs), model(inputs))
    model.eval()
    assert torch.equal(model(inputs), model(inputs))
