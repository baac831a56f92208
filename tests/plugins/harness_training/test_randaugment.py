"""RandAugment: each change beside torchvision's own, which are drawn by example, and how often."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from harness.api import Draws, Task, import_torchvision
from harness_training.options import RandaugmentOptions
from harness_training.randaugment import CHANGES, _apply, build

NAMES = {
    "shear_x": ("ShearX", 0.3),
    "shear_y": ("ShearY", 0.3),
    "translate_x": ("TranslateX", 150 / 331 * 12),
    "translate_y": ("TranslateY", 150 / 331 * 16),
    "rotate": ("Rotate", 30.0),
    "brightness": ("Brightness", 0.9),
    "colour": ("Color", 0.9),
    "contrast": ("Contrast", 0.9),
    "sharpness": ("Sharpness", 0.9),
}


def task(channels: int = 3, low: float = 0.0, high: float = 1.0) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(channels, 16, 12),
        outputs=10,
        low=low,
        high=high,
    )


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_change_is_torchvisions(name: str, sign: int) -> None:
    """`_apply_op` is what torchvision's RandAugment calls, with the magnitude in the change's own unit."""
    import_torchvision()
    peer = import_module("torchvision.transforms.autoaugment")._apply_op
    functional = import_module("torchvision.transforms.v2.functional")
    nearest = import_module("torchvision.transforms").InterpolationMode.NEAREST
    images = torch.rand(5, 3, 16, 12, generator=torch.Generator().manual_seed(0))
    theirs, most = NAMES[name]
    strength = 0.6 * sign
    magnitude = most * strength
    if theirs.startswith("Translate"):
        magnitude = int(magnitude)
    expected = peer(images, theirs, magnitude, nearest, [0.25] * 3)
    assert torch.allclose(_apply(functional, name, strength, 0.25, images), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["posterize", "solarize", "autocontrast", "equalize"])
def test_a_change_without_sides(name: str) -> None:
    import_torchvision()
    functional = import_module("torchvision.transforms.v2.functional")
    levels = torch.randint(
        0, 200, (4, 3, 16, 12), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    found = _apply(functional, name, -0.5, 0.0, levels / 255)
    expected = {
        "posterize": lambda: levels // 4 * 4 / 252,  # six bits
        "solarize": lambda: torch.where(levels >= 128, 255 - levels, levels) / 255,
        "autocontrast": lambda: functional.autocontrast(levels / 255),
        "equalize": lambda: functional.equalize(levels) / 255,
    }[name]()
    near = 0.02 if name == "posterize" else 1 / 254  # a level of 64, of 256
    assert torch.allclose(found, expected, atol=near)


def test_changes_are_drawn_alike_for_each_example() -> None:
    ids = torch.arange(1400)
    chosen = Draws(3, ids).integers("randaugment", len(CHANGES), (2,))
    assert (
        60 <= int(torch.bincount(chosen[:, 0]).min()) <= int(chosen[:, 0].bincount().max()) <= 140
    )
    images = torch.rand(len(ids), 3, 16, 12)
    found = build(task(), RandaugmentOptions(number=1, magnitude=15))(images, Draws(3, ids))
    same = (found == images).flatten(1).all(1)
    first = Draws(3, ids).integers("randaugment", len(CHANGES), (1,))[:, 0]
    assert bool(same[first == 0].all())
    assert float(same[first > 0].float().mean()) < 0.05


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_it_stays_in_another_range(channels: int) -> None:
    given = task(channels, -1.0, 2.0)
    images = 3 * torch.rand(200, channels, 16, 12) - 1
    found = build(given, RandaugmentOptions(number=3, magnitude=30))(
        images, Draws(1, torch.arange(200))
    )
    assert found.shape == images.shape and found.min() >= -1 and found.max() <= 2
    assert bool(((found - images).abs().amax((1, 2, 3)) > 0).float().mean() > 0.9)
