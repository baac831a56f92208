"""Saved images: levels by hand, JPEG as Pillow writes a file."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness_deployment.images import floor_levels, recompress, round_levels


def test_a_value_becomes_the_nearest_level_or_the_one_below():
    images = torch.tensor([0.0, 0.4, 0.6, 254.4, 254.6, 255.0]) / 255
    nearest, below = round_levels(images, 0, 1) * 255, floor_levels(images, 0, 1) * 255
    assert nearest.round().tolist() == [0, 0, 1, 254, 255, 255]
    assert below.round().tolist() == [0, 0, 0, 254, 254, 255]


def test_levels_are_of_the_data_s_own_range():
    images = torch.tensor([-1.0, 0.0, 1.0])
    assert round_levels(images, -1.0, 1.0).tolist() == pytest.approx([-1.0, 1 / 255, 1.0], abs=1e-6)
    assert floor_levels(images, -1.0, 1.0).tolist() == pytest.approx(
        [-1.0, -1 / 255, 1.0], abs=1e-6
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_a_file_holds(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 16, 24), dtype=np.uint8)
    image = Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
    image.save(tmp_path / "image.jpg", quality=70)
    read = np.asarray(Image.open(tmp_path / "image.jpg"))
    expected = read[None] if channels == 1 else read.transpose(2, 0, 1)
    found = recompress(torch.from_numpy(pixels[None] / 255).float(), 0, 1, 70)
    assert np.array_equal((found[0] * 255).round().numpy(), expected)
    better = recompress(torch.from_numpy(pixels[None] / 255).float(), 0, 1, 100)
    original = torch.from_numpy(pixels[None] / 255)
    assert (better - original).abs().mean() < (found - original).abs().mean()
