"""Ours beside torchvision's and timm's networks: as many parameters and, on the same weights, the same outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import harness_architectures
from harness.api import Task, import_timm, import_torchvision
from harness.api.measuring import call, resolve

ITEMS = {item.name: item for item in harness_architectures.harness_register_architectures()}
CLASSES = 10

# Theirs: what ours is called, and its options.
TORCHVISION: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet": ("alexnet", {"width": 64}),
    "vgg11_bn": ("vgg", {"depth": 11}),
    "resnet18": ("resnet", {"depth": 18}),
    "resnet50": ("resnet", {"depth": 50}),
    "googlenet": ("googlenet", {"width": 64}),
    "densenet121": ("densenet", {"depth": 121}),
    "mobilenet_v2": ("mobilenet", {"width": 1, "depth": 1}),
    "efficientnet_b0": ("efficientnet", {"phi": 0}),
    "convnext_tiny": ("convnext", {"size": "tiny"}),
}
THEIRS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
}
# Of timm's vision transformers the parameters are in the order of ours, of torchvision's they are not.
TIMM: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "mixer_s16_224": (
        {"img_size": 64},
        "mixer",
        {"dim": 512, "depth": 8, "patch": 16, "mlp_ratio": 4},
    ),
    "vit_tiny_patch16_224": (
        {"img_size": 64},
        "vit",
        {"dim": 192, "depth": 12, "heads": 3, "mlp_ratio": 4, "patch": 16, "pool": "class"},
    ),
    "vit_small_patch16_224": (  # registers and the mean: of timm's options, as vit_*_reg4_gap_* have them
        {
            "img_size": 64,
            "class_token": False,
            "reg_tokens": 4,
            "no_embed_class": True,
            "global_pool": "avg",
            "fc_norm": False,
        },
        "vit",
        {"dim": 384, "depth": 12, "heads": 6, "mlp_ratio": 4, "patch": 16, "registers": 4},
    ),
}


def ours(name: str, side: int, options: dict[str, Any]) -> nn.Module:
    item = ITEMS[name]
    task = Task(
        modality="image",
        problem="classification",
        input_shape=(3, side, side),
        outputs=CLASSES,
        low=0,
        high=1,
    )
    assert item.options is not None
    built: nn.Module = call(
        resolve(item.build),
        task=task,
        input_shape=task.input_shape,
        in_channels=3,
        num_classes=CLASSES,
        options=item.options(**options),
    )
    return built


def draw(model: nn.Module) -> nn.Module:
    """Give a network on the meta device values on a CPU, of which none is what it starts with, so that a mistake shows."""
    model = model.to_empty(device="cpu")
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            value.zero_()
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif "layer_scale" in name:
            value.uniform_(0.1, 0.3)
        elif value.dim() == 1:
            value.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)
        else:
            bound = (6 / value[0].numel()) ** 0.5
            value.uniform_(-bound, bound)
    return model


def copied(ours: nn.Module, theirs: nn.Module) -> None:
    """Give ours the weights of theirs: both are made in the order in which they are used."""
    mine, given = list(ours.state_dict().values()), list(theirs.state_dict().values())
    assert len(mine) == len(given)
    for one, other in zip(mine, given, strict=True):
        assert one.squeeze().shape == other.squeeze().shape
        one.copy_(other.view_as(one))
    eps = {layer.eps for layer in theirs.modules() if hasattr(layer, "eps")}
    for layer in ours.modules():
        if hasattr(layer, "eps"):
            (layer.eps,) = eps


def assert_same(name: str, options: dict[str, Any], theirs: nn.Module, side: int) -> None:
    with torch.no_grad(), torch.device("meta"):
        model = ours(name, side, options)
    model = model.to_empty(device="cpu").eval()
    torch.manual_seed(0)
    with torch.no_grad():
        theirs = draw(theirs).eval()
        copied(model, theirs)
        inputs = torch.randn(2, 3, side, side)
        expected = theirs(inputs)
        scale = float(expected.std())
        torch.testing.assert_close(model(inputs) / scale, expected / scale, atol=1e-4, rtol=0)
    counts = [sum(p.numel() for p in one.parameters()) for one in (model, theirs)]
    assert counts[0] == counts[1]


@pytest.mark.slow
@pytest.mark.parametrize("member", list(TORCHVISION))
def test_torchvision_says_the_same_on_the_same_weights(member: str) -> None:
    models = import_torchvision().models
    with torch.device("meta"):
        theirs = models.get_model(
            member, weights=None, num_classes=CLASSES, **THEIRS.get(member, {})
        )
    assert_same(*TORCHVISION[member], theirs, 224)


@pytest.mark.slow
@pytest.mark.parametrize("member", list(TIMM))
def test_timm_says_the_same_on_the_same_weights(member: str) -> None:
    given, name, options = TIMM[member]
    create: Callable[..., nn.Module] = import_timm().create_model
    with torch.device("meta"):
        theirs = create(member, num_classes=CLASSES, **given)
    assert_same(name, options, theirs, 64)
