"""The options of data sets that need no file: embedded in libraries, or made here."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from harness.api import Options
from harness_datasets.options import CLASSES, Names, TokenOptions

DATE_STYLES = (  # in which `written_dates` writes a day
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{day}{th} of {month} {year}",
)


class DigitsOptions(Options):
    """Options of `digits`."""

    classes: Names = Field(default=(), description=CLASSES)


class RandomImagesOptions(Options):
    """Options of `random_images`."""

    size: int = Field(default=224, description="height and width in pixels", ge=1, le=4096)
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    classes: int = Field(default=10, description="number of labels", ge=2, le=100_000)
    examples: int = Field(default=100, description="number of images", ge=10, le=1_000_000)


class FunctionOptions(Options):
    """Options of `function`."""

    of: Literal["sine", "runge", "step", "weierstrass"] = Field(
        default="sine",
        description="sin(4 pi x); 1 / (1 + 25 x^2); 1 from 0 on, else 0; eight terms of Weierstrass's series of cosines, "
        "whose whole has no slope anywhere",
    )
    noise: float = Field(
        default=0.0,
        description="deviation of what is added to it",
        ge=0,
        le=100,
        allow_inf_nan=False,
    )
    examples: int = Field(default=1000, description="number of points", ge=10, le=1_000_000)


class SequenceMemoryOptions(Options):
    """Options of `sequence_memory`."""

    problem: Literal["regression", "classification"] = Field(
        default="regression",
        description="regression: the sum of two numbers that are marked; classification: the first of many symbols",
    )
    length: int = Field(default=50, description="steps of a sequence", ge=4, le=10_000)
    examples: int = Field(default=2000, description="number of sequences", ge=20, le=1_000_000)


class DigitsOnTexturesOptions(Options):
    """Options of `digits_on_textures`."""

    examples: int = Field(default=2000, description="number of images", ge=20, le=100_000)
    problem: Literal["segmentation", "detection"] = Field(
        default="segmentation",
        description="segmentation: which pixel is of which digit; detection: a box about each digit",
    )


class BoardOptions(Options):
    """Options of a game's positions."""

    modality: Literal["table", "image"] = Field(
        default="table",
        description="table: a column for each field; image: one channel of the board's rows and columns",
    )


class ConnectFourOptions(BoardOptions):
    """Options of `connect_four_endgames`."""

    label: Literal["value", "move"] = Field(
        default="value",
        description="value: loss, draw or win for the player to move; move: the column of a best move",
    )
    examples: int = Field(default=1000, description="number of positions", ge=20, le=100_000)


class TexturesOptions(Options):
    """Options of `textures`."""

    size: int = Field(default=32, description="side of a patch in pixels", ge=8, le=128)


class PydocTopicsOptions(Options):
    """Options of `pydoc_topics`."""

    length: int = Field(default=128, description="bytes of a window", ge=2, le=2048)


class StdlibSourceOptions(Options):
    """Options of `stdlib_source`."""

    length: int = Field(default=256, description="bytes of a window", ge=2, le=2048)


class DocstringSentencesOptions(TokenOptions):
    """Options of `docstring_sentences`."""


class _WindowOptions(Options):
    """Options of series that are forecast."""

    stride: int = Field(default=1, description="steps between windows of training", ge=1)


class SineMixOptions(_WindowOptions):
    """Options of `sine_mix`."""

    window: int = Field(default=48, description="steps that are given", ge=1, le=100_000)
    horizon: int = Field(default=12, description="steps that are to come", ge=1, le=10_000)
    steps: int = Field(default=4000, description="steps of the series", ge=10, le=1_000_000)
    noise: float = Field(
        default=0.2,
        description="deviation of what is added to it",
        ge=0,
        le=100,
        allow_inf_nan=False,
    )


class DailySeriesOptions(_WindowOptions):
    """Options of `daily_series`."""

    window: int = Field(default=28, description="days that are given", ge=1, le=100_000)
    horizon: int = Field(default=7, description="days that are to come", ge=1, le=10_000)
    series: int = Field(default=5, description="places", ge=1, le=1000)
    years: int = Field(default=4, description="years of days", ge=1, le=100)


class BracketsOptions(Options):
    """Options of `brackets`."""

    label: Literal["depth", "parity"] = Field(
        default="depth",
        description="depth: how many brackets are open; parity: whether that is odd",
    )
    deepest: int = Field(default=5, description="the most brackets that are open", ge=1, le=100)
    length: int = Field(default=48, description="steps of a sequence", ge=2, le=10_000)
    examples: int = Field(default=2000, description="number of sequences", ge=20, le=1_000_000)


class WrittenDatesOptions(Options):
    """Options of `written_dates`."""

    first: int = Field(default=1900, description="the first year", ge=1, le=9999)
    last: int = Field(default=2099, description="the last year", ge=1, le=9999)
    examples: int = Field(default=4000, description="number of dates", ge=20, le=1_000_000)

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.last < self.first:
            raise ValueError(
                f"last={self.last} is before first={self.first}; years go from first to last"
            )
        most = len(DATE_STYLES) * ((date(self.last, 12, 31) - date(self.first, 1, 1)).days + 1)
        if self.examples > most:
            raise ValueError(
                f"examples={self.examples}: the years {self.first} to {self.last} have {most}, every day in "
                f"{len(DATE_STYLES)} styles; take more years, or fewer examples"
            )
        return self


class StepTableOptions(Options):
    """Options of `step_table`."""

    uninformative: int = Field(
        default=4, ge=0, le=1000, description="columns that have nothing to do with the class"
    )
    rotated: bool = Field(
        default=False,
        description="columns are mixed by a rotation, so that each says a little of all",
    )
    smooth: bool = Field(
        default=False, description="the class depends on sines of the columns in place of steps"
    )
    examples: int = Field(default=2000, ge=20, le=1_000_000, description="number of rows")
