"""Corrupted images saved once more as JPEG, as published files are."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from shift_cases import images, photographs, task

from harness.api.measuring import call
from harness_shifts import BAR, COMMON, EXTRA, harness_register_shifts
from harness_shifts.options import CorruptionOptions

ITEMS = {item.name: item for item in harness_register_shifts()}
save = partial(call, ITEMS["fog"].saved)


@pytest.mark.parametrize("quality", [85, 30])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_what_a_file_of_the_published_script_holds(channels, quality):
    inputs = photographs(2, 32)[:, :channels] * 2 - 1
    found = save(
        inputs=inputs,
        task=task((channels, 32, 32), low=-1.0),
        options=CorruptionOptions(jpeg=quality),
    )
    for image, read in zip(inputs, found, strict=True):
        levels = ((image + 1) / 2 * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(levels.squeeze()).save(file, "JPEG", quality=quality, optimize=True)
        expected = np.asarray(Image.open(file)).reshape(levels.shape) / 127.5 - 1
        np.testing.assert_allclose(read.permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_it_is_off_by_default_and_for_images_alone():
    inputs = images(1, (1, 8, 8))
    assert save(inputs=inputs, task=task((1, 8, 8)), options=CorruptionOptions()) is inputs
    rows = torch.rand(2, 5)
    given = task((5,), modality="table")
    assert save(inputs=rows, task=given, options=CorruptionOptions(jpeg=85)) is rows


def test_every_published_corruption_has_it_and_no_other_shift():
    assert {name for name, item in ITEMS.items() if item.saved} == {*COMMON, *EXTRA, *BAR}


@pytest.mark.parametrize("quality", [0, 96])
def test_a_quality_that_is_none_is_refused(quality):
    with pytest.raises(ValidationError):
        CorruptionOptions(jpeg=quality)
