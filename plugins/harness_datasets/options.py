"""The options of the readers of files."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

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


NUMBER_OF_ROW = "#"  # in place of a column, where there is none


class TableOptions(TokenOptions, PathOptions):
    """Options of `table`."""

    modality: Literal["auto", "table", "tokens"] = Field(
        default="auto",
        description="what an example is: the columns, or the tokens of a text; auto: a text where `text` names a column, or "
        "where free text is all that is left beside the target",
    )
    text: str = Field(
        default="",
        description="the column whose text is the example, all others being left out",
    )

    target: str = Field(
        default="",
        description="the column to predict; empty: the last one that has a name or cells",
    )
    problem: Literal["auto", "classification", "regression"] = Field(
        default="auto",
        description="whether the targets are classes or real numbers; auto: words and up to 20 whole "
        "numbers are classes",
    )
    drop: Names = Field(default=(), description="columns to leave out")
    keep: Names = Field(
        default=(),
        description="columns of numbers to take although they look like an index or identifier",
    )
    categories: Names = Field(
        default=(), description="columns whose words or numbers are names of categories"
    )
    dates: Names = Field(
        default=(), description="columns of dates, where they are written as numbers"
    )
    date_format: str = Field(
        default="", description="how dates are written, such as %d/%m/%Y; empty: found out"
    )
    missing: Literal["median", "mean", "category", "refuse"] = Field(
        default="median",
        description="what a missing number becomes, learnt from the training rows; category: the median, and "
        "a column that says where; missing words are a category of their own",
    )
    na: Names = Field(
        default=(),
        description="more words that say that a cell is missing; of a number, however it is written",
    )
    decimal: Literal["auto", ".", ","] = Field(
        default="auto", description="the decimal sign; the other mark is that of thousands"
    )
    separator: str = Field(default="", description="what stands between columns; empty: found out")
    encoding: str = Field(default="auto", description="of the text, such as utf-8 or latin-1")
    header: bool = Field(default=True, description="whether the first line names the columns")
    group: str = Field(
        default="", description="the column whose equal values stay together in the cut (a patient)"
    )
    order: str = Field(
        default="",
        description="the column of times by which the cut is made: the latest are for testing; #: the order of "
        "the rows",
    )
    key: str = Field(
        default="",
        description="the column by which a row is known in the cut; #: its number; empty: all of its cells",
    )
    part: str = Field(
        default="",
        description="the column by which training and testing are told apart, with test_parts; no feature unless keep "
        "names it",
    )
    test_parts: Names = Field(
        default=(),
        description="values of part whose rows are for testing; all others are for training",
    )
    train_parts: Names = Field(
        default=(),
        description="values of part whose rows are for training; of other rows than these and test_parts none is "
        "taken. Empty: all but test_parts",
    )
    max_categories: int = Field(
        default=256, description="most words of a column that get a column each", ge=2, le=100_000
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.group and self.order:
            raise ValueError("give group or order, not both")
        if self.text and self.modality == "table":
            raise ValueError("text names what is to be tokens, and modality=table asks for columns")
        if bool(self.part) != bool(self.test_parts) or (self.train_parts and not self.part):
            raise ValueError("part is a column, and test_parts are values in it; give both")
        if both := set(self.train_parts) & set(self.test_parts):
            raise ValueError(f"{min(both)!r} is in train_parts and in test_parts, too")
        for name in self.drop:
            for option in ("target", "text", "group", "order", "key", "part"):
                if name == getattr(self, option):
                    raise ValueError(f"{name!r} is in drop, and {option} names it")
            if name in self.keep or name in self.categories or name in self.dates:
                raise ValueError(f"{name!r} is in drop and to be taken, too")
        return self


class TimeSeriesOptions(PathOptions):
    """Options of `time_series`."""

    problem: Literal["forecast"] = Field(default="forecast", description="how series go on")
    horizon: int | None = Field(
        default=None, description="steps that are to come; left out: a season", ge=1, le=10_000
    )
    window: int | None = Field(
        default=None,
        description="steps that are given; left out: two seasons, or twice the horizon where that is more",
        ge=1,
        le=100_000,
    )
    stride: int = Field(default=1, description="steps between windows of training", ge=1)
    season: int | None = Field(
        default=None,
        description="steps after which a series repeats itself, more or less; left out: 7 of days, 24 of hours, 12 of "
        "months, 4 of quarters, 52 of weeks, else 1",
        ge=1,
        le=100_000,
    )
    time: str = Field(
        default="",
        description="the column of the times; empty: the first one that holds dates; #: the rows are the steps",
    )
    series: str = Field(
        default="",
        description="the column that says of which series a row is; empty: the first one of words that tells rows of the same "
        "time apart, where there are such rows",
    )
    value: Names = Field(
        default=(), description="columns of values; left out: all columns of numbers"
    )
    drop: Names = Field(default=(), description="columns, or series, to leave out")
    missing: Literal["previous", "interpolate", "refuse"] = Field(
        default="previous",
        description="what stands for a value that is missing: the last one before it; interpolate: a straight line to the "
        "next, which is known later only",
    )
    na: Names = Field(default=(), description="more words that say that a value is missing")
    decimal: Literal["auto", ".", ","] = Field(
        default="auto", description="the decimal sign; the other mark is that of thousands"
    )
    date_format: str = Field(
        default="", description="how dates are written, such as %d/%m/%Y; empty: found out"
    )
    separator: str = Field(default="", description="what stands between columns; empty: found out")
    encoding: str = Field(default="auto", description="of the text, such as utf-8 or latin-1")
    header: bool = Field(default=True, description="whether the first line names the columns")


class TextPairsOptions(TokenOptions, PathOptions):
    """Options of `text_pairs`."""

    problem: Literal["sequence_to_sequence"] = Field(
        default="sequence_to_sequence", description="a text that answers another"
    )
    source: str = Field(
        default="", description="the column of the texts that are read; empty: the first of two"
    )
    target: str = Field(
        default="", description="the column of the texts that answer them; empty: the other of two"
    )
    drop: Names = Field(default=(), description="columns to leave out")
    by: Literal["bytes", "characters", "words", "bpe"] | None = Field(
        default=None,
        description="what of a text is a token: bytes of UTF-8, characters, words and marks, or pairs of bytes (bpe, needs "
        "`tokenizers`); left out: bytes",
    )
    length: int | None = Field(
        default=None,
        description="tokens of a source, and of a target with its end: a longer text is cut, a shorter one filled up; left out: what "
        "the longest of the training texts has, at most 512",
        ge=2,
        le=4096,
    )
    separator: str = Field(default="", description="what stands between columns; empty: found out")
    encoding: str = Field(default="auto", description="of the text, such as utf-8 or latin-1")
    header: bool = Field(default=True, description="whether the first line names the columns")

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if self.source and self.source == self.target:
            raise ValueError(f"{self.source!r} is the source and the target; they are two columns")
        for option in ("source", "target"):
            if (name := getattr(self, option)) and name in self.drop:
                raise ValueError(f"{name!r} is in drop, and {option} names it")
        return self


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
