"""How published weights expect pictures: what timm and torchvision say of them; without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.api import Preprocessing
from harness_architectures.options import TimmOptions, TorchvisionOptions


def of_timm(member: str, facts: Mapping[str, Any], options: TimmOptions) -> Preprocessing:
    """Return the preprocessing of a timm model's weights (see `timm_facts`), with the options' changes.

    As in timm.data.create_transform: pictures are resized to the input's size / crop_pct, rounded
    down, and the centre of the input's size is cropped.
    """
    return from_timm(facts["preprocessing"].get(options.tag, facts["preprocessing"][""]), options)


def timm_facts(config: Any) -> dict[str, Any]:
    """Return what timm's record of a model's weights says of their input, as JSON values."""
    return {
        "size": list(config.input_size[1:]),
        "test_size": list((config.test_input_size or config.input_size)[1:]),
        "crop_pct": config.crop_pct,
        "test_crop_pct": config.test_crop_pct or config.crop_pct,
        "crop": config.crop_mode,
        "interpolation": config.interpolation,
        "fill": [round(255 * value) / 255 for value in config.mean],
    }


def from_timm(facts: Mapping[str, Any], options: TimmOptions) -> Preprocessing:
    """Return the preprocessing that `timm_facts` and the options mean."""
    prefix = "test_" if options.test_size else ""
    height, width = facts[f"{prefix}size"]
    if options.input_size is not None:
        height = width = options.input_size
    share = options.crop_pct or facts[f"{prefix}crop_pct"]
    return Preprocessing(
        size=(height, width),
        resize=(math.floor(height / share), math.floor(width / share)),
        crop=options.crop_mode or facts["crop"],
        interpolation=options.interpolation or facts["interpolation"],
        fill=tuple(facts["fill"]),
    )


def of_torchvision(
    member: str, facts: Mapping[str, Any], options: TorchvisionOptions
) -> Preprocessing:
    """Return the preprocessing of a torchvision model's weights, with the options' changes."""
    expected = facts["preprocessing"]
    return from_torchvision(expected.get(options.weights, expected["DEFAULT"]), options)


def torchvision_facts(transforms: Any) -> dict[str, Any]:
    """Return what `weights.transforms()` says of the input, as JSON values."""
    return {
        "size": transforms.crop_size[0],
        "resize": transforms.resize_size[0],
        "interpolation": transforms.interpolation.value,
    }


def from_torchvision(facts: Mapping[str, Any], options: TorchvisionOptions) -> Preprocessing:
    """Return the preprocessing that `torchvision_facts` and the options mean.

    Where the input has another size than published, pictures are resized in proportion.
    """
    size = options.input_size or facts["size"]
    resize = options.resize_size or max(size, round(facts["resize"] * size / facts["size"]))
    return Preprocessing(
        size=(size, size),
        resize=(resize, resize),
        interpolation=options.interpolation or facts["interpolation"],
    )
