"""The options of the readers of files."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PathOptions(BaseModel):
    """What every reader asks for; unknown names are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="where it is; ~ and $VARIABLES are expanded", min_length=1)


class ImageFolderOptions(PathOptions):
    """Options of `imagefolder`.

    As soon as one of size, resize, crop and interpolation is given, they hold for every architecture;
    without, published weights get images as they expect them, and all others 224 pixels.
    """

    size: int | None = Field(
        default=None,
        description="side in pixels; left out, with the next three: as published weights expect it, "
        "else 224",
        ge=1,
        le=4096,
    )
    resize: int | None = Field(
        default=None,
        description="side that the shorter one is resized to before the centre is cropped; left out: size",
        ge=1,
        le=8192,
    )
    crop: Literal["center", "squash", "border"] | None = Field(
        default=None,
        description="center: the shorter side is resized and the centre cropped; squash: both sides "
        "are resized; border: the longer side is, with black borders",
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None = Field(
        default=None, description="of the resizing; left out: bicubic"
    )
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    test_only: bool = Field(
        default=False,
        description="all for testing, of val/ or test/ only where there are (published weights)",
    )
    skip_broken: bool = Field(
        default=False,
        description="leave out images that cannot be read, and say how many; else they are an error",
    )


class NpzOptions(PathOptions):
    """Options of `npz`."""

    modality: Literal["image", "sequence", "table"] = Field(
        default="image", description="what an example is"
    )
    problem: Literal["classification", "regression"] = Field(
        default="classification", description="whether the targets are classes or real numbers"
    )
    layout: Literal["auto", "channels_first", "channels_last"] = Field(
        default="auto", description="where the channels of an image stand"
    )
    white: float | None = Field(
        default=None,
        description="value that is white in an image, such as 4095; by default 255 and 65535 of "
        "8 and 16 bits, 1 where all lie in 0 to 1, else the range is that of the data",
        gt=0,
        allow_inf_nan=False,
    )


class CsvOptions(PathOptions):
    """Options of `csv`."""

    target: str = Field(default="", description="the column to predict; empty: the last one")
    problem: Literal["classification", "regression"] = Field(
        default="classification", description="whether the targets are classes or real numbers"
    )
    separator: str = Field(default=",", description="what stands between columns", min_length=1)
    header: bool = Field(default=True, description="whether the first line names the columns")
    max_categories: int = Field(
        default=64, description="most different words of a text column", ge=2, le=100_000
    )


class RandomImagesOptions(BaseModel):
    """Options of `random_images`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=224, description="height and width in pixels", ge=1, le=4096)
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    classes: int = Field(default=10, description="number of labels", ge=2, le=100_000)
    examples: int = Field(default=100, description="number of images", ge=10, le=1_000_000)
