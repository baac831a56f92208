"""Options of corruptions; light, so that listing them imports no torch."""

from __future__ import annotations

from pydantic import Field

from harness.api import Options


class CorruptionOptions(Options):
    """Options of the corruptions of images of ImageNet-C and ImageNet-C-bar."""

    jpeg: int | None = Field(
        None,
        ge=1,
        le=95,
        description="quality of JPEG in which corrupted images are saved once more, such as the 85 of ImageNet-C's published "
        "files; left out: they are not, as those of CIFAR-10-C were not",
    )
