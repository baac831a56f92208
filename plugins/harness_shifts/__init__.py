"""Built-in shifts: changes of the data's distribution, in severities 1 to 5."""

from collections.abc import Iterator

from harness.api import Shift, hookimpl


@hookimpl
def harness_register_shifts() -> Iterator[Shift]:
    """Yield noise, blur, contrast and rotation."""
    yield Shift(
        name="gaussian_noise",
        summary="independent normal noise on every value",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        apply="harness_shifts.gaussian_noise:apply",
        takes=("image", "sequence", "table"),
    )
    yield Shift(
        name="blur",
        summary="Gaussian blur",
        takes=("image",),
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        apply="harness_shifts.blur:apply",
    )
    yield Shift(
        name="contrast",
        summary="values pulled towards the image's mean",
        takes=("image",),
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        apply="harness_shifts.contrast:apply",
    )
    yield Shift(
        name="rotate",
        summary="rotation about the centre, to either side",
        takes=("image",),
        source="model-harness",
        apply="harness_shifts.rotate:apply",
    )
