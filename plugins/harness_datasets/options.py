"""The options of the readers of files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from harness.api import Options


class PathOptions(Options):
    """What every reader asks for; unknown names are errors, and values do not change."""

    path: str = Field(description="where it is; ~ and $VARIABLES are expanded", min_length=1)


def _listed(value: object) -> object:
    """Return one name as a list of names, and numbers (columns without a header) as names."""
    if isinstance(value, str | int):
        return (str(value),)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
CLASSES = "classes to take, the others left out, such as those that out-of-distribution detection is tried on; left out: all"


class PictureOptions(PathOptions):
    """How pictures are read.

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
    skip_broken: bool = Field(
        default=False,
        description="leave out images that cannot be read, and say how many; else they are an error",
    )


class ImageFolderOptions(PictureOptions):
    """Options of `imagefolder`."""

    test_only: bool = Field(
        default=False,
        description="all for testing, of val/ or test/ only where there are (published weights)",
    )
    classes: Names = Field(default=(), description=CLASSES)


class WebDatasetOptions(PictureOptions):
    """Options of `webdataset`."""

    label: str = Field(
        default="cls",
        description="the ending of the members that hold a class, as cls or txt; json:KEY: the value of a key in members that end "
        "in .json",
        pattern=r"^[a-z0-9._]+(:.+)?$",
    )


class MaskFolderOptions(PathOptions):
    """Options of `maskfolder`."""

    size: int | None = Field(
        default=None,
        description="side in pixels that images (bilinearly) and masks (nearest pixel) are brought to; left out: their own, "
        "if all have the same",
        ge=1,
        le=4096,
    )
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    ignore: int = Field(
        default=255, description="value of masks where nothing is asked", ge=0, le=65535
    )


class BoxOptions(PathOptions):
    """What readers of images with boxes ask for."""

    size: int | None = Field(
        default=None,
        description="side in pixels of the square that images are brought to, their longer side resized (bilinearly), with black "
        "borders; left out: their own, if all have the same",
        ge=4,
        le=4096,
    )
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    exif: Literal["auto", "upright", "stored"] = Field(
        default="auto",
        description="what boxes of a picture with an EXIF orientation are of: upright, the picture as it is seen; stored, its pixels as "
        "they are stored; auto: that whose size the annotation says",
    )
    skip_broken: bool = Field(
        default=False,
        description="leave out boxes that have no area or reach out of their image, and say how many; else they are an error",
    )


class CocoOptions(BoxOptions):
    """Options of `coco`."""

    images: str = Field(
        default="",
        description="folder of the images; left out: beside the file, or where COCO has them",
    )


class VocOptions(BoxOptions):
    """Options of `voc`."""


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
    classes: Names = Field(default=(), description=CLASSES)


class TokenOptions(Options):
    """How texts become tokens."""

    by: Literal["bytes", "characters", "words", "bpe"] | None = Field(
        default=None,
        description="what of a text is a token: bytes of UTF-8, characters, words and marks, or pairs of bytes (bpe, needs "
        "`tokenizers`); left out: words, of which token comes next bytes (bpe is allowed there, too; characters and words are not, "
        "as what is rare could not be written in full)",
    )
    length: int | None = Field(
        default=None,
        description="tokens of an example: a longer text is cut, a shorter one filled up; left out: what 95 % of the training "
        "texts fit into, at most 512; of which token comes next 128",
        ge=2,
        le=4096,
    )
    vocabulary: int = Field(
        default=4096,
        description="most characters, words or pairs of bytes that are tokens, learnt from the training texts",
        ge=300,
        le=100_000,
    )


class HuggingFaceOptions(TokenOptions, PictureOptions):
    """Options of `huggingface`."""

    modality: Literal["auto", "image", "tokens"] = Field(
        default="auto",
        description="what an example is; auto: an image where there is one, else a text",
    )
    input: str = Field(
        default="",
        description="the column of the example; empty: the only image, else the only text",
    )
    label: str = Field(
        default="", description="the column of the class; empty: the only class label"
    )


class TextFolderOptions(TokenOptions, PathOptions):
    """Options of `textfolder`."""

    problem: Literal["auto", "classification", "next_token"] = Field(
        default="auto",
        description="whether a file is to be told its class or each byte what comes next; auto: classes where there are class "
        "folders",
    )
    test_only: bool = Field(
        default=False, description="all for testing, of val/ or test/ only where there are"
    )
    classes: Names = Field(default=(), description=CLASSES)
