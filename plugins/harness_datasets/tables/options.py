"""The options of the readers of tables: of features, of time series, of texts that answer others."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from harness_datasets.options import Names, PathOptions, TokenOptions

NUMBER_OF_ROW = "#"  # in place of a column, where there is none


class ColumnOptions(PathOptions):
    """Which columns a file has."""

    drop: Names = Field(default=(), description="columns to leave out")
    separator: str = Field(
        default="",
        description="what stands between columns, a sign or a regular expression; empty: found out",
    )
    encoding: str = Field(default="auto", description="of the text, such as utf-8 or latin-1")
    header: bool = Field(default=True, description="whether the first line names the columns")

    @field_validator("separator")
    @classmethod
    def _parts_lines(cls, separator: str) -> str:
        try:
            re.compile(separator if len(separator) > 1 else "")  # one sign stands for itself
        except re.error as error:
            raise ValueError(
                f"{separator!r} is no regular expression, as a separator of several signs is: {error}; "
                f"write {re.escape(separator)} for these signs themselves"
            ) from None
        return separator


class CellOptions(ColumnOptions):
    """How the cells of a table are read."""

    na: Names = Field(
        default=(),
        description="more words that say that a cell is missing; of a number, however it is written",
    )
    decimal: Literal["auto", ".", ","] = Field(
        default="auto", description="the decimal sign; the other mark is that of thousands"
    )
    date_format: str = Field(
        default="", description="how dates are written, such as %d/%m/%Y; empty: found out"
    )


class TableOptions(TokenOptions, CellOptions):
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
    missing: Literal["median", "mean", "category", "refuse"] = Field(
        default="median",
        description="what a missing number becomes, learnt from the training rows; category: the median, and "
        "a column that says where; missing words are a category of their own",
    )
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


class TimeSeriesOptions(CellOptions):
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


class TextPairsOptions(TokenOptions, ColumnOptions):
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

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if self.source and self.source == self.target:
            raise ValueError(f"{self.source!r} is the source and the target; they are two columns")
        for option in ("source", "target"):
            if (name := getattr(self, option)) and name in self.drop:
                raise ValueError(f"{name!r} is in drop, and {option} names it")
        return self
