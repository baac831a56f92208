"""Built-in shifts: changes of the data's distribution, in severities 1 to 5."""

from collections.abc import Iterator

from harness.api import Shift, hookimpl

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
_MODULES = {"gaussian_blur": "blur"}
_SOURCE = "Hendrycks & Dietterich 2019, arXiv:1903.12261"


@hookimpl
def harness_register_shifts() -> Iterator[Shift]:
    """Yield the 19 corruptions of ImageNet-C, Gaussian blur by its older name, and rotation."""
    for name, summary in {**COMMON, **EXTRA}.items():
        yield Shift(
            name=name,
            summary=summary,
            source=_SOURCE,
            apply=f"harness_shifts.{_MODULES.get(name, name)}:apply",
            takes=("image", "sequence", "table") if name == "gaussian_noise" else ("image",),
            groups=("imagenet-c",) if name in COMMON else ("imagenet-c-extra",),
        )
    yield Shift(
        name="blur",
        summary="gaussian_blur by its older name",
        source=_SOURCE,
        apply="harness_shifts.blur:apply",
        takes=("image",),
    )
    yield Shift(
        name="rotate",
        summary="rotation about the centre, to either side",
        source="model-harness",
        apply="harness_shifts.rotate:apply",
        takes=("image",),
    )
