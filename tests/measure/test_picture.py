"""Images are laid out to the pixel."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from harness.measure.picture import GAP, LEAST_SIDE, draw_picture, image_levels


@pytest.mark.parametrize("channels", [(), (3,)])
def test_each_image_is_where_its_row_and_column_say(channels):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 4, *channels), dtype=np.uint8)
    picture = draw_picture(images)
    times = -(-LEAST_SIDE // 5)
    assert (picture.columns, picture.height, picture.width, picture.gap) == (
        *(3, 5 * times, 4 * times),
        GAP,
    )
    assert picture.enlarged
    png = np.asarray(Image.open(io.BytesIO(picture.png() or b"")))
    assert png.shape == (*picture.size(2)[::-1], *channels)
    for row in range(2):
        for column in range(3):
            top, left = row * (picture.height + GAP), column * (picture.width + GAP)
            part = png[top : top + picture.height, left : left + picture.width]
            assert np.array_equal(part[::times, ::times], images[row, column])
    assert (png[picture.height : picture.height + GAP] == 255).all()


def test_a_large_image_stays_as_it_is():
    picture = draw_picture(np.zeros((1, 1, 97, 5), np.uint8))
    assert (picture.width, picture.height, picture.enlarged) == (5, 97, False)


@pytest.mark.parametrize(
    "images",
    [np.zeros((1, 1, 4, 4)), np.zeros((4, 4), np.uint8), np.zeros((1, 1, 4, 4, 2), np.uint8)],
)
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ValueError, match="give uint8"):
        draw_picture(images)


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_picture(np.zeros((0, 1, 4, 4), np.uint8))


def test_levels_are_of_the_range_and_no_larger_than_is_shown():
    images = torch.tensor([-1.0, 0.0, 1.0, 3.0]).view(1, 1, 2, 2)
    assert image_levels(images, -1.0, 1.0, 8).tolist() == [[[0, 128], [255, 255]]]
    coloured = image_levels(torch.rand(2, 3, 40, 20), 0.0, 1.0, 10)
    assert coloured.shape == (2, 10, 5, 3) and coloured.dtype == torch.uint8
    flat = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 6, 6)
    assert (image_levels(flat, 0.0, 1.0, 3) == 128).all()
