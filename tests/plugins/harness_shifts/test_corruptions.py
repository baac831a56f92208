"""The corruptions of ImageNet-C where nothing was published: grey images, small ones, and frost."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from shift_cases import photographs, task

from harness.api import Draws
from harness.api.measuring import call
from harness_shifts import (
    BAR,
    COMMON,
    EXTRA,
    NATURAL,
    blur,
    frost,
    harness_register_shifts,
    shot_noise,
    zoom_blur,
)
from harness_shifts.borders import mirror, mirror_about_pixel, repeat
from harness_shifts.drops import equalized, nearest_edge
from harness_shifts.glass_blur import sources
from harness_shifts.jpeg_compression import compress
from harness_shifts.pixels import grey

ITEMS = {item.name: item for item in harness_register_shifts()}
BY_VALUE = {
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "speckle_noise",
}  # a draw for each value
COLOURED = {"frost", "spatter", "saturate"}


def apply(name: str, inputs: torch.Tensor, severity: int, first: int = 0) -> torch.Tensor:
    draws = Draws(3, torch.arange(first, first + len(inputs)))
    given = task(tuple(inputs.shape[1:]))
    run = partial(call, ITEMS[name].apply, inputs=inputs, severity=severity, options=None)
    return run(draws=draws, task=given)


def test_they_are_fifteen_and_four_extra():
    assert len(COMMON) == 15 and len(EXTRA) == 4
    assert set(ITEMS) == {*COMMON, *EXTRA, *NATURAL, *BAR, "blur", "hue"}
    inputs = photographs(2, 32)
    assert torch.equal(apply("blur", inputs, 3), apply("gaussian_blur", inputs, 3))


@pytest.mark.parametrize("name", sorted({*COMMON, *EXTRA} - BY_VALUE))
def test_a_grey_image_is_taken_as_one_in_colour(name):
    """Their draws are one for all channels, so what becomes of a grey image is known."""
    image = 0.2 + 0.5 * grey(photographs(3, 32))  # nothing is cut off at 0 or 1
    for severity in (1, 4):
        found = apply(name, image, severity)
        coloured = grey(apply(name, image.expand(-1, 3, -1, -1).contiguous(), severity))
        inside = (coloured > 0.01) & (coloured < 0.98) if name in COLOURED else slice(None)
        assert float((found - coloured)[inside].abs().max()) < 0.02
        assert float((found - coloured)[inside].abs().mean()) < 1 / 255


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 3), (2, 1, 9), (4, 5, 40)], ids=str)
@pytest.mark.parametrize("name", sorted({*COMMON, *EXTRA}))
def test_an_image_may_be_smaller_than_the_window(name, shape):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand((3, *shape), generator=generator)
    for severity in (1, 5):
        found = apply(name, inputs, severity)
        assert found.shape == inputs.shape and bool(found.isfinite().all())
        assert float(found.min()) >= 0 and float(found.max()) <= 1
        assert torch.equal(apply(name, inputs[1:], severity, first=1), found[1:])


@pytest.mark.parametrize("name", ["fog", "frost", "snow", "elastic_transform", "motion_blur"])
def test_each_image_has_draws_of_its_own(name):
    inputs = photographs(1, 32).expand(4, -1, -1, -1).contiguous()
    found = apply(name, inputs, 5).flatten(1)
    assert float(torch.cdist(found, found).add(torch.eye(4)).min()) > 0.1


def test_borders_of_any_width():
    index = torch.arange(-5, 8)
    assert repeat(index, 3).tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]
    assert mirror(index, 3).tolist() == [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]
    assert mirror_about_pixel(index, 3).tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert mirror_about_pixel(index, 1).tolist() == [0] * 13


def test_frost_is_a_part_of_a_texture_with_the_published_colours():
    ice = frost._textures(102)
    found = apply("frost", torch.zeros(40, 3, 32, 32), 2) / 0.3
    kinds = []
    for image in found:
        apart = (ice - image[None, :, :1, :1]).abs().sum(1)
        kind, y, x = (apart == apart.min()).nonzero()[0].tolist()
        whole = ice[kind].roll((-y, -x), (1, 2))  # it wraps around
        torch.testing.assert_close(whole[:, :32, :32], image, atol=1e-6, rtol=0)
        kinds.append(kind)
    assert set(kinds) == set(range(5))
    for texture, (mean, std, _) in zip(frost._textures(512), frost.ICE, strict=True):
        torch.testing.assert_close(texture.mean((1, 2)), torch.tensor(mean), rtol=0.02, atol=0)
        torch.testing.assert_close(texture.std((1, 2)), torch.tensor(std), rtol=0.05, atol=0)


@pytest.mark.parametrize("photons", [3, 50, 500])
def test_shot_noise_has_the_mean_and_variance_of_counts(photons):
    levels = torch.tensor([1, 20, 128, 255])[:, None].expand(-1, 100_000)
    drawn = Draws(5, torch.arange(4)).uniform("s", (100_000,))
    counts = shot_noise.counts(levels.contiguous(), drawn, photons).double()
    means = torch.tensor([1, 20, 128, 255], dtype=torch.float64) / 255 * photons
    errors = 4 * (means / 100_000).sqrt()
    assert bool(((counts.mean(1) - means).abs() < errors).all())
    torch.testing.assert_close(counts[1:].var(1), means[1:], rtol=0.02, atol=0)


def test_pixels_of_glass_come_from_where_a_loop_takes_them():
    moves = Draws(1, torch.arange(3)).integers("m", 4, (9, 6, 2)) - 2
    found = sources(moves, 13, 10, 2)
    for image, one in zip(moves.tolist(), found, strict=True):
        pixels = torch.arange(130).view(13, 10)
        for h in range(11, 2, -1):
            for w in range(8, 2, -1):
                down, right = image[h - 3][w - 3]
                pixels[h, w] = pixels[h + down, w + right].clone()
        assert torch.equal(one, pixels)


def test_distances_to_edges_are_euclidean_up_to_the_farthest():
    found = torch.zeros(2, 1, 9, 60, dtype=torch.bool)
    found[0, 0, 4, 10] = True
    distance = nearest_edge(found, 20.0)
    assert bool((distance[1] == 20).all())
    y, x = torch.meshgrid(torch.arange(9.0) - 4, torch.arange(60.0) - 10, indexing="ij")
    torch.testing.assert_close(distance[0, 0], (x * x + y * y).sqrt().clamp(max=20))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 5, 40), (2, 1, 1)], ids=str)
def test_zooms_of_all_pixels_at_once_are_those_of_rows_and_columns(shape):
    images = torch.rand((4, *shape), generator=torch.Generator().manual_seed(3))
    factors = (1.01, 1.3, 2.5)
    found = zoom_blur._sum_of_zooms(images, factors)
    torch.testing.assert_close(found, zoom_blur.by_rows(images, factors), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(3, 40, 17), (1, 8, 8), (2, 65, 33)], ids=str)
def test_a_blurred_image_is_bit_equal_wherever_it_is_in_memory(shape):
    images = torch.rand((5, *shape), generator=torch.Generator().manual_seed(4))
    whole = blur.blur(images, 1.5)
    room = torch.empty(images.numel() + 9)
    for first in (1, 2, 5, 9):
        moved = room[first : first + images.numel()].view_as(images).copy_(images)
        assert torch.equal(blur.blur(moved, 1.5), whole)
        assert torch.equal(blur.blur(moved[2:3], 1.5), whole[2:3])


def test_one_level_alone_is_not_spread():
    levels = torch.tensor([7.0, 7, 7, 7, 0, 0, 3, 20]).view(2, 1, 2, 2)
    assert equalized(levels, 20).flatten().tolist() == [7, 7, 7, 7, 0, 0, 128, 255]


@pytest.mark.parametrize(
    "shape", [(3, 17, 40), (3, 32, 32), (3, 48, 21), (3, 80, 64), (1, 9, 8), (2, 16, 16)], ids=str
)
@pytest.mark.parametrize("quality", [7, 30, 80])
def test_jpeg_is_bit_equal_to_a_file_that_is_saved_and_read(shape, quality):
    images = torch.rand((60, *shape), generator=torch.Generator().manual_seed(2))
    images[30:] = (
        images[30:][:, :, ::4, ::4]
        .repeat_interleave(4, 2)
        .repeat_interleave(4, 3)[..., : shape[1], : shape[2]]
    )
    levels = (images * 255).round().to(torch.uint8)
    for image, found in zip(levels.numpy(), compress(levels, quality).numpy(), strict=True):
        pictures = [image.transpose(1, 2, 0)] if len(image) == 3 else list(image)
        read = []
        for picture in pictures:
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture)).save(file, "JPEG", quality=quality)
            read.append(np.asarray(Image.open(file)))
        expected = read[0].transpose(2, 0, 1) if len(image) == 3 else np.stack(read)
        assert np.array_equal(found, expected)
