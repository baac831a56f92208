"""Pictures resized and decoded by each library: against the libraries themselves, and each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.api import DataError, Preprocessing
from harness_datasets.imagefolder import read_image
from harness_datasets.resizing import decode_by_opencv, resize

cv2 = pytest.importorskip("cv2")


def picture(side: int = 40) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area"])
def test_all_have_the_size_and_agree_where_a_picture_is_halved(interpolation):
    """Halving: nearest apart, smoothed filters of two libraries are nearly one."""
    image = picture()
    pillow, torched, opencv = (
        resize(image, (20, 20), interpolation, library) for library in ("pillow", "torch", "opencv")
    )
    assert pillow.size == torched.size == opencv.size == (20, 20)
    if interpolation in ("bilinear", "area"):
        assert mean_difference(pillow, torched) < 1.0
    if interpolation == "area":
        assert mean_difference(pillow, opencv) < 1.0


def test_what_is_not_smoothed_keeps_the_noise():
    image = picture(160)
    spread = {
        library: np.asarray(resize(image, (20, 20), "bilinear", library)).std()
        for library in ("pillow", "torch", "torch-aliased", "opencv")
    }
    assert max(spread["pillow"], spread["torch"]) < 0.5 * min(
        spread["torch-aliased"], spread["opencv"]
    )


def test_opencv_is_opencv_and_torch_is_torch():
    image = picture(30)
    pixels = np.asarray(image)
    expected = cv2.resize(pixels, (14, 12), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(np.asarray(resize(image, (12, 14), "bicubic", "opencv")), expected)
    values = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    peer = torch.nn.functional.interpolate(values, (12, 14), mode="bilinear", antialias=True)
    ours = torch.from_numpy(np.asarray(resize(image, (12, 14), "bilinear", "torch")).copy())
    assert (ours.permute(2, 0, 1).float() - peer[0]).abs().max() <= 0.5


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_file_is_read_as_opencv_reads_it(tmp_path: Path, mode):
    path = tmp_path / "picture.png"
    picture(10).convert(mode).save(path)
    read = decode_by_opencv(path, colour=mode == "RGB")
    assert np.array_equal(np.asarray(read), np.asarray(Image.open(path)))
    asked = Preprocessing(size=(10, 10), decoder="opencv")
    assert read_image(path, 3, asked).shape == (3, 10, 10)


def test_what_opencv_cannot_read_is_refused_by_its_name(tmp_path: Path):
    path = tmp_path / "picture.ppm"
    path.write_bytes(b"P9 nothing")
    with pytest.raises(DataError, match="picture.ppm cannot be read as an image by OpenCV"):
        decode_by_opencv(path, colour=True)
