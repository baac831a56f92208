"""The corruptions of ImageNet-C as other libraries have them, with the constants that ours have at that size.

A peer is `{corruption: one call for each severity}`; a call takes a batch ``(images, 3, height, width)``: of 8 bits, and gives
pictures of 8 bits, or, where the peer has tensors (`IN_32_BITS`), of 32 bits from 0 to 1, and gives such. A peer that lacks a
corruption, or raises, has none of that name. Left out is what shares the name alone: the snow and fog of kornia and
albumentations draw something else.
"""

from __future__ import annotations

import importlib
import math
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from harness.api import Draws
from harness.api.measuring import call
from harness.catalogue.chosen import Chosen
from harness.data.corruption import Corruption
from harness_shifts import COMMON, EXTRA, harness_register_shifts
from harness_shifts.blur import SIGMA
from harness_shifts.brightness import ADDED
from harness_shifts.contrast import FACTOR
from harness_shifts.defocus_blur import RADIUS_AND_SOFTNESS
from harness_shifts.elastic_transform import MOVE_SIGMA_CORNERS
from harness_shifts.gaussian_noise import STD
from harness_shifts.glass_blur import SIGMA_REACH_TIMES
from harness_shifts.impulse_noise import SHARE as IMPULSES
from harness_shifts.jpeg_compression import QUALITY
from harness_shifts.motion_blur import RADIUS_AND_SIGMA
from harness_shifts.pixelate import SHARE as PIXELS
from harness_shifts.saturate import FACTOR_AND_SUM
from harness_shifts.shot_noise import PHOTONS
from harness_shifts.spatter import LIQUID
from harness_shifts.speckle_noise import STD as SPECKLES
from harness_shifts.zoom_blur import ZOOMS_AND_STEP

NAMES = (*COMMON, *EXTRA)
Call = Callable[[torch.Tensor], Any]
Peer = dict[str, list[Call]]


def ours(side: int, in_32_bits: bool) -> Peer:
    """Our own: of 8 bits, what is stored of a corrupted copy; of 32 bits, what a shift gives."""
    from shift_cases import task

    items = {item.name: item for item in harness_register_shifts()}
    given = replace(task((3, side, side)), scale=1 / 255)

    def run(name: str, severity: int) -> Call:
        corruption = Corruption(Chosen(items[name], name), severity, 0, given, True)

        def stored(images: torch.Tensor) -> torch.Tensor:
            return corruption.stored(images, Draws(severity, torch.arange(len(images))))

        def apply(images: torch.Tensor) -> torch.Tensor:
            return call(
                items[name].apply,
                inputs=images,
                severity=severity,
                draws=Draws(severity, torch.arange(len(images))),
                task=given,
                options=None,
            )

        return apply if in_32_bits else stored

    return {name: [run(name, severity) for severity in range(1, 6)] for name in NAMES}


def imagecorruptions(side: int) -> Peer:
    """The published scripts as a package; it has the constants of 224 px at every size."""
    corrupt = importlib.import_module("imagecorruptions").corrupt

    def run(name: str, severity: int) -> Call:
        return lambda images: [
            corrupt(one, corruption_name=name, severity=severity) for one in pictures(images)
        ]

    return {name: [run(name, severity) for severity in range(1, 6)] for name in NAMES}


def albumentations(side: int) -> Peer:
    """Pictures of 8 bits, one by one."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # no look-up of newer versions
    a = importlib.import_module("albumentations")
    cv2 = importlib.import_module("cv2")

    def both(value: float) -> tuple[float, float]:
        return value, value

    def defocus(c: tuple[float, float]) -> Any:
        return a.Defocus(radius=both(max(1, math.ceil(c[0]))), alias_blur=both(c[1]), p=1)

    def glass(c: tuple[float, int, int]) -> Any:
        return a.GlassBlur(sigma=c[0], max_delta=c[1], iterations=c[2], mode="exact", p=1)

    def motion(c: tuple[int, float]) -> Any:
        size = 2 * c[0] + 1
        return a.MotionBlur(blur_limit=both(size), p=1)

    def zoom(c: tuple[int, float]) -> Any:
        return a.ZoomBlur(max_factor=both(1 + c[0] * c[1]), step_factor=both(c[1]), p=1)

    def elastic(c: tuple[float, float, float]) -> Any:
        move, sigma = side * c[0], max(side * c[1], 1.0)
        return a.ElasticTransform(alpha=move, sigma=sigma, noise_distribution="uniform", p=1)

    def spatter(c: tuple[float, float, float, float, float, bool]) -> Any:
        means = {"mean": both(c[0]), "std": both(c[1]), "gauss_sigma": both(c[2])}
        limits = {"cutout_threshold": both(c[3]), "intensity": both(min(c[4], 1))}
        return a.Spatter(**means, **limits, mode="mud" if c[5] else "rain", p=1)

    def pixelate(c: float) -> Any:
        ways = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_NEAREST}
        return a.Downscale(scale_range=both(c), interpolation_pair=ways, p=1)

    def speckle(c: float) -> Any:
        return a.MultiplicativeNoise(
            multiplier=(1 - c, 1 + c), per_channel=True, elementwise=True, p=1
        )

    def hsv(saturation: float = 0, value: float = 0) -> Any:
        return a.HueSaturationValue(
            both(0), sat_shift_limit=both(255 * saturation), val_shift_limit=both(255 * value), p=1
        )

    made = {
        "gaussian_noise": (STD, lambda c: a.GaussNoise(std_range=both(c), p=1)),
        "shot_noise": (PHOTONS, lambda c: a.ShotNoise(scale_range=both(1 / c), p=1)),
        "impulse_noise": (IMPULSES, lambda c: a.SaltAndPepper(amount=both(c), p=1)),
        "speckle_noise": (SPECKLES, speckle),
        "gaussian_blur": (SIGMA, lambda c: a.GaussianBlur(blur_limit=0, sigma_limit=both(c), p=1)),
        "defocus_blur": (RADIUS_AND_SOFTNESS, defocus),
        "glass_blur": (SIGMA_REACH_TIMES, glass),
        "motion_blur": (RADIUS_AND_SIGMA, motion),
        "zoom_blur": (ZOOMS_AND_STEP, zoom),
        "brightness": (ADDED, lambda c: hsv(value=c)),
        "saturate": (FACTOR_AND_SUM, lambda c: hsv(saturation=c[1])),
        "contrast": (FACTOR, lambda c: a.ColorJitter(both(1), both(c), both(1), both(0), p=1)),
        "elastic_transform": (MOVE_SIGMA_CORNERS, elastic),
        "spatter": (LIQUID, spatter),
        "pixelate": (PIXELS, pixelate),
        "jpeg_compression": (QUALITY, lambda c: a.ImageCompression(quality_range=both(c), p=1)),
    }

    def run(transform: Any) -> Call:
        return lambda images: [transform(image=one)["image"] for one in pictures(images)]

    return {
        name: [run(make(constant)) for constant in table[side]]
        for name, (table, make) in made.items()
    }


def kornia(side: int) -> Peer:
    """A batch of tensors in 32 bits."""
    k = importlib.import_module("kornia.augmentation")

    def both(value: float) -> tuple[float, float]:
        return value, value

    def blur(c: float) -> Any:
        size = 2 * int(4 * c + 0.5) + 1
        return k.RandomGaussianBlur((max(size, 3),) * 2, both(c), border_type="replicate", p=1)

    def elastic(c: tuple[float, float, float]) -> Any:
        sigma = max(side * c[1], 0.1)
        size = min(2 * int(3 * sigma) + 1, 2 * side - 1)
        return k.RandomElasticTransform((size,) * 2, both(sigma), both(2 * c[0]), p=1)

    made = {
        "gaussian_noise": (STD, lambda c: k.RandomGaussianNoise(std=c, p=1)),
        "impulse_noise": (IMPULSES, lambda c: k.RandomSaltAndPepperNoise(amount=both(c), p=1)),
        "gaussian_blur": (SIGMA, blur),
        "motion_blur": (
            RADIUS_AND_SIGMA,
            lambda c: k.RandomMotionBlur(2 * c[0] + 1, 45.0, 0.0, "replicate", p=1),
        ),
        "brightness": (ADDED, lambda c: k.RandomBrightness(both(1 + c))),
        "contrast": (FACTOR, lambda c: k.RandomContrast(both(c))),
        "saturate": (FACTOR_AND_SUM, lambda c: k.RandomSaturation(both(min(c[0], 10)))),
        "elastic_transform": (MOVE_SIGMA_CORNERS, elastic),
        "jpeg_compression": (QUALITY, lambda c: k.RandomJPEG(both(float(c)))),
    }

    return {
        name: [make(constant) for constant in table[side]] for name, (table, make) in made.items()
    }


PEERS = {peer.__name__: peer for peer in (imagecorruptions, albumentations, kornia)}
IN_32_BITS = {"kornia"}


def pictures(images: torch.Tensor) -> list[np.ndarray[Any, Any]]:
    """Return ``(height, width, 3)`` in 8 bits, each in memory of its own."""
    return [np.ascontiguousarray(one) for one in images.movedim(1, -1).numpy()]


def load(name: str, side: int) -> Peer | None:
    """Return a peer's corruptions, or None where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            peer = PEERS[name](side)
            importlib.import_module("cv2").setNumThreads(1)
        except ImportError:
            return None
    return peer
