"""Built-in shifts: changes of the data's distribution, in severities 1 to 5."""

from collections.abc import Iterator

from harness.api import Shift, hookimpl
from harness_shifts.options import CorruptionOptions

# The corruptions of ImageNet-C and CIFAR-C by their published names, in their published order.
COMMON = {
    "gaussian_noise": "independent normal noise on every value",
    "shot_noise": "the noise of counting light: Poisson numbers",
    "impulse_noise": "salt and pepper",
    "defocus_blur": "every point a disk, as out of focus",
    "glass_blur": "pixels in the place of their neighbours, as through frosted glass",
    "motion_blur": "every point a trail, in a direction of the image's own",
    "zoom_blur": "the image and itself, ever larger, averaged",
    "snow": "bright streaks on a whitened image",
    "frost": "ice over the image",
    "fog": "a cloudy layer over the image",
    "brightness": "the value of HSV raised",
    "contrast": "values pulled towards the image's mean",
    "elastic_transform": "the image bent, as a whole and place by place",
    "pixelate": "the image made smaller and larger again",
    "jpeg_compression": "what JPEG leaves of the image",
}
EXTRA = {
    "speckle_noise": "normal noise that grows with the value it falls on",
    "gaussian_blur": "Gaussian blur",
    "spatter": "drops of water, or of mud, on the lens",
    "saturate": "the saturation of HSV scaled and moved",
}
# The ten of ImageNet-C-bar by their published names, one of which is misspelt.
BAR = {
    "blue_noise_sample": "pixels black where noise of high frequencies is low",
    "plasma_noise": "coloured plasma mixed with the image",
    "checkerboard_cutout": "grey squares of a chess board that lies askew",
    "cocentric_sine_waves": "wavy rings over the image",
    "single_frequency_greyscale": "a grey wave over the image",
    "brownish_noise": "coloured noise of low frequencies",
    "inverse_sparkles": "white around a star in which the image stays",
    "sparkles": "bright stars on the image",
    "perlin_noise": "turbulence, as of smoke, mixed with the image",
    "caustic_refraction": "the image under rippled water",
}
# What a camera, a clock, a keyboard or a form does besides: (what it is, its function, what it takes).
NATURAL = {
    "rotate": ("rotation about the centre, to either side", "rotate:apply", "image"),
    "translate": ("the image moved, in a direction of its own", "translate:apply", "image"),
    "zoom": ("the image larger or smaller about its centre", "zoom:apply", "image"),
    "perspective": ("the image as a plane seen from the side", "perspective:apply", "image"),
    "occlusion": ("a grey square before a part of the image", "occlusion:apply", "image"),
    "drop_steps": ("steps lost, the last that came held in their place", "steps:drop", "sequence"),
    "delay_steps": ("the first step repeated, as many of the last lost", "steps:delay", "sequence"),
    "jitter_steps": ("each step read a little too early or late", "steps:jitter", "sequence"),
    "warp_steps": ("time that runs too fast, then too slowly", "steps:warp", "sequence"),
    "typos": ("letters become a key beside them", "texts:typos", "tokens"),
    "swapped_letters": ("two neighbours in a word change places", "texts:swaps", "tokens"),
    "dropped_words": ("words left out", "texts:dropped", "tokens"),
    "letter_case": ("words in capitals", "texts:case", "tokens"),
    "whitespace": (
        "more blanks, or the end of a line, between words",
        "texts:whitespace",
        "tokens",
    ),
    "shortened": ("examples that end earlier", "texts:shortened", "sequence, tokens"),
    "missing_cells": ("cells not filled in, the mean in their place", "records:missing", "table"),
    "feature_shift": ("features moved, by turns up and down", "records:shifted", "table"),
    "feature_scale": ("features spread more, by turns less", "records:scaled", "table"),
}
MOVES = ("rotate", "translate", "zoom", "perspective")  # the image as a whole, by a projective map
# Parts of the image move, each in its own way, by more than the few pixels that a blur joins.
DISPLACES = ("elastic_transform", "zoom_blur", "caustic_refraction")
# Pixels, high and wide, without which nothing changes: one alone has no neighbours, and none to differ from.
WINDOWS = dict.fromkeys(
    (
        *("defocus_blur", "motion_blur", "zoom_blur", "contrast", "elastic_transform", "pixelate"),
        *("jpeg_compression", "gaussian_blur", "blur", "blue_noise_sample", "caustic_refraction"),
        *("rotate", "translate", "zoom"),
    ),
    2,
) | {"glass_blur": 3, "perspective": 3}
_MODULES = {"gaussian_blur": "blur"}
EIGHT_BIT = ("gaussian_blur", "jpeg_compression")  # whose 8 bits are made of 8 bits
_SAVED = "harness_shifts.saved:save"
_SOURCE = "Hendrycks & Dietterich 2019, arXiv:1903.12261"


@hookimpl
def harness_register_shifts() -> Iterator[Shift]:
    """Yield the 19 corruptions of ImageNet-C, Gaussian blur by its older name, the ten of ImageNet-C-bar, and natural changes."""
    for name, summary in {**COMMON, **EXTRA}.items():
        yield Shift(
            name=name,
            summary=summary,
            source=_SOURCE,
            apply=f"harness_shifts.{_MODULES.get(name, name)}:apply",
            takes=("image", "sequence", "table") if name == "gaussian_noise" else ("image",),
            window=WINDOWS.get(name, 1),
            groups=("imagenet-c" if name in COMMON else "imagenet-c-extra",)
            + (("natural",) if name == "brightness" else ()),
            options=CorruptionOptions,
            keeps_places=name not in DISPLACES,
            eight_bit=name in EIGHT_BIT,
            saved=_SAVED,
        )
    for name, summary in BAR.items():
        yield Shift(
            name=name,
            summary=summary,
            source="Mintun, Kirillov & Xie 2021, arXiv:2102.11273",
            apply=f"harness_shifts.{name}:apply",
            takes=("image",),
            window=WINDOWS.get(name, 1),
            groups=("c-bar",),
            options=CorruptionOptions,
            keeps_places=name not in DISPLACES,
            saved=_SAVED,
        )
    yield Shift(
        name="blur",
        summary="gaussian_blur by its older name",
        source=_SOURCE,
        apply="harness_shifts.blur:apply",
        window=WINDOWS["blur"],
        takes=("image",),
        eight_bit=True,
        keeps_places=True,
    )
    yield Shift(
        name="hue",
        summary="the hue of HSV turned; of colour images",
        source="model-harness",
        apply="harness_shifts.hue:apply",
        takes=("image",),
        keeps_places=True,
        groups=("natural",),
    )
    for name, (summary, function, modalities) in NATURAL.items():
        yield Shift(
            name=name,
            summary=summary,
            source="model-harness",
            apply=f"harness_shifts.{function}",
            takes=tuple(modalities.split(", ")),
            window=WINDOWS.get(name, 1),
            keeps_places=name == "occlusion",
            moves=f"harness_shifts.{name}:moves" if name in MOVES else None,
            groups=("natural",),
        )
