"""Boxes are turned and brought to a size with their images; which turn is meant is known by the size, or asked."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.api import DataError
from harness_datasets.boxed_images import Box, BoxedImage, Found, as_data, turn_box
from harness_datasets.options import BoxOptions

STORED = (2, 1, 9, 5)  # of a picture of 12 x 8 pixels


def write(path: Path, turn: int, size: tuple[int, int] = (8, 12)) -> Path:
    pixels = np.full(size, 20, dtype=np.uint8)
    pixels[STORED[1] : STORED[3], STORED[0] : STORED[2]] = 230
    exif = Image.Exif()
    exif[274] = turn
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def bright(image: np.ndarray) -> tuple[int, ...]:
    down, across = np.nonzero(image[0] > 128)
    return across.min(), down.min(), across.max() + 1, down.max() + 1


def loaded(path: Path, size=None, corners=STORED, **options):
    box = Box(corners, 0, 1.0, "here: box 1")
    found = Found(("cat",), [BoxedImage(path, (box,), size)], [], Counter())
    return as_data(path.parent, found, BoxOptions(path="x", channels=1, **options))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_box_of_stored_pixels_is_turned_with_its_picture(tmp_path, turn):
    data = loaded(write(tmp_path / "a.png", turn), exif="stored")
    assert tuple(data.targets[0, 0, :4]) == bright(data.inputs[:][0])
    assert turn_box(STORED, turn, (8, 12)) == bright(data.inputs[:][0])


def test_which_picture_is_meant_is_known_by_its_size(tmp_path):
    path = write(tmp_path / "a.png", 6)
    assert tuple(loaded(path, (8, 12)).targets[0, 0, :4]) == (3, 2, 7, 9)
    assert tuple(loaded(path, (12, 8), (3, 2, 7, 9)).targets[0, 0, :4]) == (3, 2, 7, 9)
    with pytest.raises(DataError, match="a.png has the EXIF orientation 6, and it is not known"):
        loaded(path)
    with pytest.raises(DataError, match="orientation 3, .* say exif=upright"):
        loaded(write(tmp_path / "b.png", 3), (8, 12))
    upright = loaded(write(tmp_path / "b.png", 3), (8, 12), exif="upright")
    assert tuple(upright.targets[0, 0, :4]) == STORED


@pytest.mark.parametrize("size", [8, 16, 24, 36])
def test_boxes_are_brought_to_a_size_with_their_images(tmp_path, size):
    path = write(tmp_path / "a.png", 1)
    box = Box(STORED, 0, 1.0, "here")
    found = Found(("cat",), [BoxedImage(path, (box,))], [], Counter())
    data = as_data(tmp_path, found, BoxOptions(path="x", channels=1, size=size))
    assert data.inputs.shape == (1, 1, size, size)
    corners, seen = data.targets[0, 0, :4], bright(data.inputs[:][0])
    assert np.abs(corners - seen).max() <= max(0.8, size / 24)
    share = size / 12
    top = round((size - round(8 * share)) / 2 - 0.01)
    assert corners[0] == pytest.approx(2 * share) and corners[2] == pytest.approx(9 * share)
    assert corners[1] == pytest.approx(top + round(8 * share) / 8, abs=1.01)


def test_images_of_several_sizes_want_one(tmp_path):
    paths = [write(tmp_path / "a.png", 1), write(tmp_path / "b.png", 1, (10, 12))]
    found = Found(("cat",), [BoxedImage(path, ()) for path in paths], [], Counter())
    with pytest.raises(DataError, match=r"of 2 sizes, 12 x 8 \(1\), 12 x 10 \(1\); say size="):
        as_data(tmp_path, found, BoxOptions(path="x"))
    with pytest.raises(DataError, match="there are no images"):
        as_data(tmp_path, Found(), BoxOptions(path="x"))
