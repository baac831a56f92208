"""`sine_mix`: nothing but its noise cannot be foretold."""

from __future__ import annotations

import numpy as np
from series_parts import mase, parts
from sklearn.linear_model import Ridge

from harness_datasets import sine_mix
from harness_datasets.built_in_options import SineMixOptions


def test_of_sines_nothing_but_the_noise_cannot_be_foretold():
    options = SineMixOptions()
    data = sine_mix.load(options)
    assert data.inputs.shape[1:] == (48, 1) and data.targets.shape[1:] == (12, 1)
    (inputs, targets), (asked, wanted) = parts(data, "train"), parts(data, "test")
    linear = mase(Ridge().fit(inputs, targets).predict(asked), wanted)
    least = options.noise * np.sqrt(2 / np.pi) / data.details["units"]["sines"]
    assert least < linear < 1.35 * least
    assert mase(asked[:, -24:-12], wanted) > 4 * least
    quiet = sine_mix.load(SineMixOptions(noise=0.0))
    (inputs, targets), (asked, wanted) = parts(quiet, "train"), parts(quiet, "test")
    assert mase(Ridge(1e-6).fit(inputs, targets).predict(asked), wanted) < 1e-3
