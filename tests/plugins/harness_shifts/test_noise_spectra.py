"""The random corruptions against numpy's own random numbers: mean, variance and spectrum of the noise within 2 %."""

from functools import partial

import numpy as np
import pytest
import torch
from published_constants import CONSTANTS
from shift_cases import photographs, task

from harness.api import Draws
from harness.api.measuring import call
from harness_shifts import harness_register_shifts

ITEMS = {item.name: item for item in harness_register_shifts()}
IMAGES, SIDE, RINGS = 400, 32, 4
SEVERITY = 5  # at 1 so few values are salt or pepper that chance is more than 2 % of their variance


def gaussian_noise(images, c, random):
    return images + c * random.standard_normal(images.shape)


def shot_noise(images, c, random):
    return random.poisson(images * c) / c


def impulse_noise(images, c, random):
    hit, salt = random.random((2, *images.shape))
    return np.where(hit < c, (salt < 0.5) * 1.0, images)


def speckle_noise(images, c, random):
    return images * (1 + c * random.standard_normal(images.shape))


def spectrum(noise):
    """Return the mean power in rings of equal area, from low frequencies to high ones."""
    power = np.abs(np.fft.fft2(noise - noise.mean(axis=(2, 3), keepdims=True))) ** 2
    along = np.fft.fftfreq(SIDE)
    radius = np.hypot(along[:, None], along).ravel()
    order = radius.argsort(kind="stable")[1:]  # all but the mean
    power = power.mean(axis=(0, 1)).ravel()
    return np.array([power[some].mean() for some in np.array_split(order, RINGS)])


@pytest.mark.parametrize(
    "reference",
    [gaussian_noise, shot_noise, impulse_noise, speckle_noise],
    ids=lambda f: f.__name__,
)
def test_noise_has_the_statistics_of_its_definition(reference):
    name = reference.__name__
    clean = photographs(IMAGES, SIDE)
    run = partial(call, ITEMS[name].apply, inputs=clean, severity=SEVERITY, options=None)
    found = run(draws=Draws(8, torch.arange(IMAGES)), task=task(tuple(clean.shape[1:])))
    images = clean.double().numpy()
    constant = CONSTANTS[name][SIDE][SEVERITY - 1]
    expected = reference(images, constant, np.random.default_rng(9)).clip(0, 1)
    ours, theirs = found.double().numpy() - images, expected - images
    assert found.double().mean() == pytest.approx(expected.mean(), rel=0.02)
    assert ours.var() == pytest.approx(theirs.var(), rel=0.02)
    np.testing.assert_allclose(spectrum(ours), spectrum(theirs), rtol=0.02)
    # A spectrum of noise that is as strong, and alike in neighbours, is another one.
    alike = (ours + np.roll(ours, 1, 3)) / 2**0.5
    assert np.abs(spectrum(alike) / spectrum(theirs) - 1).max() > 0.2
