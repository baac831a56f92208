"""The corruptions of ImageNet-C against their published definitions, with the same random numbers."""

import numpy as np
import published_corruptions
import pytest
import torch
from published_constants import CONSTANTS
from shift_cases import RandomOfOne, photographs, task

from harness.api import Draws
from harness.api.measuring import call
from harness_shifts import COMMON, EXTRA, harness_register_shifts

ITEMS = {item.name: item for item in harness_register_shifts()}
KEY = 11
# Rounded to 8 bits on the way, where a value in the middle may go either way.
IN_8_BITS = ("pixelate", "jpeg_compression", "snow", "glass_blur", "spatter")


def cases():
    for side, slow in ((32, False), (64, True), (224, True)):
        for name in [*COMMON, *EXTRA]:
            if name != "frost":
                yield pytest.param(name, side, id=f"{name}-{side}", marks=[pytest.mark.slow] * slow)


@pytest.mark.parametrize(("name", "side"), list(cases()))
def test_it_is_what_was_published(name, side):
    inputs = photographs(5, side)
    for severity in range(1, 6):
        ids = torch.tensor([100 + severity])
        image = inputs[severity - 1 : severity]
        found = call(
            ITEMS[name].apply,
            inputs=image,
            severity=severity,
            draws=Draws(KEY, ids),
            task=task((3, side, side)),
            options=None,
        )
        constants = CONSTANTS[name][side][severity - 1]
        random = RandomOfOne(KEY, int(ids))
        pixels = image[0].double().numpy().transpose(1, 2, 0)
        expected = getattr(published_corruptions, name)(pixels, constants, random).clip(0, 1)
        difference = np.abs(found[0].double().numpy().transpose(1, 2, 0) - expected).mean()
        exact = side == 32 and name not in IN_8_BITS
        assert difference <= (1e-5 if exact else 1 / 255), (severity, difference * 255)
