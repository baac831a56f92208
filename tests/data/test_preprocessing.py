"""The sizes, borders and corners of a preprocessing, against torchvision and timm, and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from harness.catalogue.torchvision_import import import_timm, import_torchvision
from harness.data.first_layers import Preprocess
from harness.data.preprocessing import Preprocessing, Steps

SIZES = [(40, 40), (41, 60), (60, 41), (33, 97), (500, 375), (7, 9), (224, 1000)]


def test_by_hand() -> None:
    asked = Preprocessing(size=(224, 224), resize=(235, 235))
    assert asked.steps(375, 500) == Steps((235, 313), (0, 0, 0, 0), (6, 44))  # halves to even
    assert asked.words() == "shorter side to 235 (bicubic), centre of 224 x 224"
    squashed = Preprocessing(size=(224, 224), resize=(256, 256), crop="squash")
    assert squashed.steps(375, 500) == Steps((256, 256), (0, 0, 0, 0), (16, 16))
    border = Preprocessing(size=(20, 20), crop="border")
    assert border.steps(10, 15) == Steps((13, 20), (0, 3, 0, 4), (0, 0))
    assert Preprocessing(size=(8, 8)).steps(8, 8) == Steps((8, 8), (0, 0, 0, 0), (0, 0))


def test_json() -> None:
    asked = Preprocessing(size=(3, 4), resize=(5, 6), crop="border", fill=(0.1, 0.2, 0.3))
    assert Preprocessing.from_json(json.loads(json.dumps(asked.to_json()))) == asked


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are center, squash, border"):
        Preprocessing(size=(3, 3), crop="middle")
    with pytest.raises(ValueError, match="nearest, bilinear, bicubic"):
        Preprocessing(size=(3, 3), interpolation="magic")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("side", "goal"), [(32, 32), (32, 36), (24, 25)])
def test_sizes_are_those_of_torchvision(size: tuple[int, int], side: int, goal: int) -> None:
    functional = import_torchvision().transforms.functional
    # every pixel says where it was, so that a crop that is one off shows
    rows, columns = np.mgrid[: size[0], : size[1]].astype("float32")
    for channel in (rows, columns):
        image = Image.fromarray(channel)
        theirs = functional.center_crop(
            functional.resize(image, [goal], interpolation=functional.InterpolationMode.NEAREST),
            [side],
        )
        steps = Preprocessing(size=(side, side), resize=(goal, goal)).steps(*size)
        resized = image.resize((steps.resized[1], steps.resized[0]), Image.Resampling.NEAREST)
        top, left = steps.corner
        ours = resized.crop((left, top, left + side, top + side))
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("goal", [(32, 24), (40, 40)])
def test_sizes_that_keep_the_ratio_are_those_of_timm(
    size: tuple[int, int], goal: tuple[int, int]
) -> None:
    import_timm()
    from timm.data.transforms import ResizeKeepRatio

    image = Image.new("L", (size[1], size[0]))
    for crop, longest in (("center", 0.0), ("border", 1.0)):
        if crop == "center" and goal[0] == goal[1]:
            continue  # there timm uses torchvision's
        theirs = ResizeKeepRatio(goal, longest=longest)(image).size
        ours = Preprocessing(size=goal, crop=crop).steps(*size).resized
        assert ours == (theirs[1], theirs[0])


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("size", "asked"),
    [
        ((60, 41), Preprocessing(size=(32, 32), resize=(36, 36))),  # smaller
        ((20, 26), Preprocessing(size=(32, 32), resize=(36, 36))),  # larger
        ((60, 41), Preprocessing(size=(32, 24), crop="squash")),
        ((60, 41), Preprocessing(size=(32, 32), crop="border", fill=(0.2, 0.4, 0.6))),
        ((36, 36), Preprocessing(size=(32, 32), resize=(36, 36))),  # only cropped
    ],
    ids=["smaller", "larger", "squash", "border", "crop"],
)
def test_the_layer_does_what_pillow_does(
    size: tuple[int, int], asked: Preprocessing, interpolation: str
) -> None:
    from harness_datasets.imagefolder import preprocess

    asked = Preprocessing(**{**asked.to_json(), "interpolation": interpolation})
    rng = np.random.default_rng(0)
    pixels = rng.integers(70, 186, (*size, 3), dtype=np.uint8)  # Pillow clips between its passes
    theirs = np.asarray(preprocess(Image.fromarray(pixels), asked)).transpose(2, 0, 1)
    inputs = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None] / 255
    ours = Preprocess(asked, 0.0, 1.0)(inputs)[0] * 255
    assert ours.shape == theirs.shape
    assert float((ours - torch.from_numpy(theirs.copy())).abs().max()) < 1.51  # it rounds twice
    wide = Preprocess(asked, -2.0, 4.0)(inputs * 6 - 2)[0]  # another range of the data
    torch.testing.assert_close((wide + 2) / 6 * 255, ours, atol=1e-3, rtol=0)


def test_a_gradient_reaches_every_pixel_that_counts() -> None:
    layer = Preprocess(Preprocessing(size=(4, 4), resize=(6, 6), interpolation="bilinear"), 0, 1)
    inputs = torch.full((1, 3, 6, 6), 0.5, requires_grad=True)
    layer(inputs).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad[0, 0, 1:5, 1:5].eq(1).all() and float(inputs.grad.sum()) == 3 * 16
