"""Augmentations: what they do, their range, and that they depend on the example alone."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import torch

from harness.api import Draws, Task, import_torchvision
from harness_problems import segmentation
from harness_training import colour_jitter, crop, flip, noise, random_erasing
from harness_training.options import (
    ColourJitterOptions,
    CropOptions,
    FlipOptions,
    NoiseOptions,
    RandomErasingOptions,
)


def task(low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = (2, 8, 10)) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=shape,
        outputs=10,
        low=low,
        high=high,
    )


def draws(count: int, key: int = 5) -> Draws:
    return Draws(key, torch.arange(count) * 7 + 3)


ALL: dict[str, Any] = {
    "flip": lambda: flip.build(FlipOptions()),
    "crop": lambda: crop.build(task(), CropOptions(pad=2)),
    "noise": lambda: noise.build(task(), NoiseOptions(std=0.3)),
    "random-erasing": lambda: random_erasing.build(task(), RandomErasingOptions()),
    "colour-jitter": lambda: colour_jitter.build(task(), ColourJitterOptions()),
}


@pytest.mark.parametrize("name", list(ALL))
def test_depends_on_the_example_alone(name: str) -> None:
    augment = ALL[name]()
    inputs, given = torch.rand(40, 2, 8, 10), draws(40)
    whole = augment(inputs, given)
    index = torch.tensor([31, 4, 17])
    assert torch.equal(augment(inputs[index], given.select(index)), whole[index])
    assert torch.equal(augment(inputs, given), whole)
    assert not torch.equal(augment(inputs, draws(40, key=6)), whole)


@pytest.mark.parametrize("name", list(ALL))
def test_keeps_shape_type_and_range(name: str) -> None:
    inputs = torch.rand(16, 2, 8, 10)
    before = inputs.clone()
    found = ALL[name]()(inputs, draws(16))
    assert torch.equal(inputs, before)
    assert found.shape == inputs.shape and found.dtype == inputs.dtype
    assert found.min() >= 0 and found.max() <= 1


def test_flip() -> None:
    inputs = torch.rand(400, 1, 3, 4)
    found = flip.build(FlipOptions(probability=0.25))(inputs, draws(400))
    flipped = (found == inputs.flip(-1)).flatten(1).all(1)
    same = (found == inputs).flatten(1).all(1)
    assert torch.all(flipped ^ same)
    assert 60 <= flipped.sum() <= 140  # 100 expected, deviation 8.7
    assert torch.equal(
        flip.build(FlipOptions(probability=1.0))(inputs, draws(400)), inputs.flip(-1)
    )
    assert torch.equal(flip.build(FlipOptions(probability=0.0))(inputs, draws(400)), inputs)


def test_crop_moves_by_whole_pixels() -> None:
    pad, side = 2, 6
    inputs = torch.rand(300, 3, side, side) + 0.1
    found = crop.build(task(shape=(3, side, side), high=2.0), CropOptions(pad=pad))(
        inputs, draws(300)
    )
    padded = torch.nn.functional.pad(inputs, (pad,) * 4)
    windows = {
        (row, column): padded[:, :, row : row + side, column : column + side]
        for row in range(2 * pad + 1)
        for column in range(2 * pad + 1)
    }
    matches = torch.stack([(found == w).flatten(1).all(1) for w in windows.values()])
    assert torch.all(matches.sum(0) == 1)
    assert torch.all(matches.any(1)), "every offset occurs"


def test_crop_fills_inside_the_range() -> None:
    inputs = torch.full((50, 1, 8, 8), 0.7)
    low = crop.build(task(low=0.5, shape=(1, 8, 8)), CropOptions(pad=4))(inputs, draws(50))
    assert low.unique().tolist() == pytest.approx([0.5, 0.7])
    wide = crop.build(task(low=-1.0, shape=(1, 8, 8)), CropOptions(pad=4))(inputs, draws(50))
    assert wide.min() == 0.0


def test_crop_default_is_an_eighth() -> None:
    inputs = torch.ones(200, 1, 32, 32)
    found = crop.build(task(shape=(1, 32, 32)), CropOptions())(inputs, draws(200))
    assert int((found.sum((1, 3)) == 0).sum(1).max()) == 4


def test_masks_follow_flips_and_crops() -> None:
    masks = torch.arange(35, dtype=torch.uint8).view(1, 5, 7).repeat(60, 1, 1)
    images = masks[:, None] / 64
    options, mirror = CropOptions(pad=2), FlipOptions(probability=0.5)
    given = task(shape=(1, 5, 7), low=-1.0, high=2.0)
    cropped = crop.build(given, options)(images, draws(60))[:, 0] * 64
    followed = segmentation.move(masks, crop.moves(given, options, draws(60)))
    inside = followed != segmentation.IGNORE
    assert torch.equal(cropped[inside], followed[inside].float())
    assert (cropped[~inside] == 0).all() and 0.5 < inside.float().mean() < 0.9
    flipped = flip.build(mirror)(images, draws(60))[:, 0] * 64
    assert torch.equal(segmentation.move(masks, flip.moves(mirror, draws(60))).float(), flipped)


def test_noise() -> None:
    inputs = torch.zeros(500, 40)
    wide = task(low=-9.0, high=9.0, shape=(40,))
    found = noise.build(wide, NoiseOptions(std=0.5))(inputs, draws(500))
    assert found.mean().item() == pytest.approx(0.0, abs=0.02)
    assert found.std().item() == pytest.approx(0.5, rel=0.02)
    assert torch.equal(noise.build(wide, NoiseOptions(std=0.0))(inputs, draws(500)), inputs)
    clamped = noise.build(task(shape=(40,)), NoiseOptions(std=9.0))(inputs, draws(500))
    assert clamped.min() == 0.0 and clamped.max() == 1.0


def test_noise_reads_fractions() -> None:
    assert NoiseOptions.model_validate({"std": "8/255"}).std == pytest.approx(8 / 255)


def test_what_is_erased_is_a_rectangle_of_the_area_that_was_asked_for() -> None:
    options = RandomErasingOptions(probability=0.4, smallest=0.1, largest=0.3, fill="mean")
    given = Task(
        modality="image",
        problem="classification",
        input_shape=(2, 32, 32),
        outputs=2,
        low=0.0,
        high=1.0,
        mean=(0.25, 0.75),
    )
    inputs = torch.ones(600, 2, 32, 32)
    gone = random_erasing.build(given, options)(inputs, draws(600)) != 1
    assert torch.equal(gone[:, 0], gone[:, 1])
    rows, columns = gone[:, 0].any(2).sum(1), gone[:, 0].any(1).sum(1)
    areas = gone[:, 0].sum((1, 2))
    assert torch.equal(areas, rows * columns)
    erased = areas > 0
    assert 190 <= int(erased.sum()) <= 290  # 240 expected, deviation 12
    shares = areas[erased] / 1024
    assert 0.08 <= shares.min() < 0.13 and 0.27 < shares.max() <= 0.32
    ratio = rows[erased] / columns[erased]
    assert 0.25 < ratio.min() < 0.5 and 2 < ratio.max() < 4
    filled = random_erasing.build(given, options)(inputs, draws(600))
    assert filled[:, 0][gone[:, 0]].unique().tolist() == [0.25]
    noisy = random_erasing.build(given, RandomErasingOptions(probability=1.0))(inputs, draws(600))
    values = noisy[noisy != 1]
    assert values.mean().item() == pytest.approx(0.5, abs=0.01) and values.max() > 0.99


def test_colours_change_as_torchvisions_do() -> None:
    """Each image by factors of its own, in the order brightness, contrast, saturation."""
    import_torchvision()
    functional = import_module("torchvision.transforms.v2.functional")
    options = ColourJitterOptions(brightness=0.3, contrast=0.5, saturation=0.9)
    given, inputs = draws(12), torch.rand(12, 3, 8, 10)
    found = colour_jitter.build(task(shape=(3, 8, 10)), options)(inputs, given)
    for row, image in enumerate(inputs):
        for name in ("brightness", "contrast", "saturation"):
            spread = getattr(options, name)
            drawn = float(given.uniform(f"colour/{name}", (1, 1, 1))[row])
            factor = 1 + spread * (2 * drawn - 1)
            image = getattr(functional, f"adjust_{name}")(image, factor)
        assert torch.allclose(found[row], image, atol=1e-5)
    shifted = colour_jitter.build(task(-1.0, 3.0, (3, 8, 10)), options)(4 * inputs - 1, given)
    assert torch.allclose((shifted + 1) / 4, found, atol=1e-5)
