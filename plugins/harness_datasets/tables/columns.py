"""What a column of a table is taken for, and why: decided from all rows, without a look at the target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from harness.api.declaring import in_parallel, mix_columns
from harness.api.reporting import counted
from harness_datasets.tables.cells import (
    Dates,
    Numbers,
    read_dates,
    read_flags,
    says_nothing,
)
from harness_datasets.tables.numerals import find_number_in_words, read_numerals, say_signs
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.stored_cells import StoredCells, count_words

T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["number", "flag", "category", "date", "left out"]

LARGE, _SOME, MANY = (
    100_000,
    10_000,
    1000,
)  # rows of which different values are not all counted where some rows have many
FEW_WORDS = 10  # as many different words are categories in a table of any length
REPEATED = (
    0.5  # share of the cells whose word is there twice or more, from which on words are categories
)
WORDY = 4.0  # words a cell, from which on what does not repeat is free text
_IDENTIFIER = re.compile(
    r"(^|[^a-z])(id|ids|idx|index|uid|uuid|guid|key|nr|no|row|rownum|record|serial)$|id_?(number|code)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[a-z](ID|Id|UUID|Key|Index|Nr|No)$")


@dataclass(frozen=True)
class Taken:
    """A column, and what it is taken for.

    kind: "left out" where it is no feature. why: in words. instead: the option that would do otherwise.
    values: ``(rows,)`` in float64 of numbers, flags and dates, NaN where missing; of numbers left out too.
    words: the cells of a category, "" where missing. missing: how many cells are.
    noted: whether it is told in short, because something was left out or changed.
    doubt: how its numbers were read, where another way is as likely. lost: different numbers that float64 takes
        for one. example: of the cells of a column of words, most of which hold a number. free_text: sentences.
    """

    name: str
    kind: Kind
    why: str
    instead: str = ""
    values: Array | None = None
    words: tuple[str, ...] = field(default=(), repr=False)
    missing: int = 0
    noted: bool = False
    dates: Dates | None = None
    odd: Sequence[str] = ()
    doubt: str = ""
    lost: int = 0
    example: str = ""
    free_text: bool = False


def take_columns(table: RawTable, options: TableOptions, besides: Sequence[str]) -> list[Taken]:
    """Return what each column is taken for, but for those in `besides` (the target, the group ...)."""
    for option in ("drop", "keep", "categories", "dates"):
        for name in getattr(options, option):
            table.require(name, option)
    names = [name for name in table.names if name not in besides]
    return each_column(lambda name: take_column(table, name, options), names, len(table))


def each_column(function: Callable[[T], R], columns: Sequence[T], rows: int) -> list[R]:
    """Return the function of each column; on all cores where they are so long that it pays."""
    return list(in_parallel(function, columns, None if rows >= _SOME else 0))


def take_column(table: RawTable, name: str, options: TableOptions) -> Taken:
    """Return what a column is taken for."""
    cells = table.column(name)
    if name in options.drop:
        return Taken(name, "left out", "drop names it", noted=True)
    if name in options.categories:
        return _category(table, name, options, "categories names it", noted=True)
    if name in options.dates:
        dates = read_dates(cells, options.na, options.date_format, sure=True)
        if dates is not None:
            return _date(name, dates)
        return Taken(name, "left out", "dates names it, but not all cells are dates", noted=True)
    numbers = read_numerals(table, cells, options, sure=name in options.keep)
    if name in table.index and name not in options.keep:
        why, values = "an index that pandas wrote along", numbers.values if numbers else None
        return Taken(name, "left out", why, write_option("keep", name), values, noted=True)
    if numbers is not None:
        return _number(table, name, cells, numbers, options)
    if not any(text and text not in options.na for text in cells):
        return Taken(name, "left out", "empty", missing=len(cells), noted=True)
    flags = read_flags(cells, options.na)
    if flags is not None and len(np.unique(flags[~np.isnan(flags)])) == 2:
        missing = int(np.isnan(flags).sum())
        return Taken(
            name, "flag", "yes or no" + _absent(missing, len(cells)), values=flags, missing=missing
        )
    dates = read_dates(cells, options.na, options.date_format)
    if dates is not None:
        return _date(name, dates)
    return _words(table, name, cells, options)


def hash_taken(columns: Sequence[Taken]) -> Array:
    """Return 64 bits of what each row has in some columns, uint64 ``(rows,)``: equal where all numbers and words are."""
    parts = []
    for column in columns:
        values = column.values
        if values is None:
            places = {text: place for place, text in enumerate(dict.fromkeys(column.words))}
            values = np.array([places[text] for text in column.words], dtype=np.float64)
        parts.append(values)
    return mix_columns(parts)


def say_blanks(table: RawTable, name: str) -> str:
    """Return that words were taken for one though blanks around them told them apart; "" where none did."""
    return "; blanks around words removed" if name in table.padded else ""


def write_option(option: str, value: str) -> str:
    """Return an option as a person writes it behind the name of a file."""
    bare = re.fullmatch(r"[\w.%/-]+", value) is not None
    return f"{option}={value}" if bare else f'{option}="{value}"'


def write_answering(source: str, target: str) -> str:
    """Return the options that take the texts of a column for answers to another's."""
    named = (write_option("source", source), write_option("target", target))
    return ",".join(("problem=sequence_to_sequence", *named))


def is_index(values: Array) -> bool:
    """Whether numbers are 0 to n - 1 or 1 to n in the order of the rows; one alone has no order."""
    if len(values) < 2 or values[0] not in (0, 1):
        return False
    steps = np.arange(len(values), dtype=np.float64)
    return bool((values == steps).all() or (values == steps + 1).all())


def is_whole(values: Array) -> bool:
    """Whether all numbers are whole; most that are not show it soon."""
    return all(bool((some == np.floor(some)).all()) for some in (values[:_SOME], values))


def is_monotone(values: Array) -> bool:
    """Whether numbers go up, or down, from each to the next; most that do not show it soon."""
    return any(
        all(bool((some[1:] > some[:-1]).all()) for some in (ordered[:_SOME], ordered))
        for ordered in (values, values[::-1])
    )


def known_of(values: Array) -> Array:
    """Return the numbers that are not missing."""
    absent = np.isnan(values)
    return values[~absent] if absent.any() else values


def is_permutation(values: Array) -> bool:
    """Whether numbers are 0 to n - 1 or 1 to n in any order."""
    if (
        not len(values)
        or values.min() not in (0, 1)
        or values.max() - values.min() != len(values) - 1
    ):
        return False
    return is_index(np.sort(values))


def looks_like_identifier(name: str) -> bool:
    """Whether a column's name says that it names the rows."""
    return bool(_IDENTIFIER.search(name) or _CAMEL.search(name))


def _number(
    table: RawTable, name: str, cells: Sequence[str], numbers: Numbers, options: TableOptions
) -> Taken:
    values = numbers.values
    filled = known_of(values)
    missing = len(values) - len(filled)
    whole = is_whole(filled)
    different = _count_different(filled)
    least, most = float(filled.min()), float(filled.max())

    def out(why: str) -> Taken:
        return Taken(
            name, "left out", why, write_option("keep", name), values, missing=missing, noted=True
        )

    if name not in options.keep:
        if is_index(values) and not numbers.less:
            first, second, last = (f"{value:.0f}" for value in (values[0], values[1], values[-1]))
            return out(f"an index: {first}, {second} ... {last} in the order of the rows")
        if name in table.unnamed:
            return out("it has no name, as an index that was written along")
        if least == most:
            return out(f"always {least:.10g}" + _absent(missing, len(values)))
        if (
            whole
            and not missing
            and looks_like_identifier(name)
            and len(np.unique(values)) == len(values)
        ):
            return out("an identifier: each row has a number of its own")
    span = " to ".join(
        str(int(end) + numbers.less) if numbers.less else f"{end:.10g}" for end in (least, most)
    )
    many = f"more than {MANY:,}" if different is None else counted(different, "different value")
    why = f"{many}{' different values' if different is None else ''}, {span}"
    if numbers.decimal == "," and any("," in text for text in cells):
        why += ", decimal comma"
    why += "".join(f", {part}" for part in numbers.said)
    coded = _first_code(cells) if whole else ""  # no code has decimals
    if coded:
        why += f", zeros before them, as codes have: {coded}"
    said = _words_for_missing(cells, options) if missing else []
    why += _absent(missing, len(values), [*said, *numbers.odd])
    return Taken(
        name,
        "number",
        why,
        numbers.instead
        or (write_option("categories", name) if coded else "")
        or (_otherwise(name, cells, (least, most), different, options) if whole else ""),
        values,
        missing=missing,
        noted=bool(numbers.odd or missing or numbers.said or coded),
        odd=tuple(numbers.odd),
        doubt=numbers.said[-1] if numbers.doubtful else "",
        lost=numbers.lost,
    )


def _words_for_missing(cells: Sequence[str], options: TableOptions) -> list[str]:
    if isinstance(cells, StoredCells) and cells.numbers is not None and not options.na:
        return []  # only empty ones are missing
    return sorted(text for text in count_words(cells) if text and says_nothing(text, options.na))


def _first_code(cells: Sequence[str]) -> str:
    if isinstance(cells, StoredCells):
        return cells.first_code()
    return next((text for text in cells if len(text) > 1 and text[0] == "0" and text.isdigit()), "")


def _count_different(filled: Array) -> int | None:
    """Return how many different values there are; None of a large column that has more than `MANY`."""
    if len(filled) > LARGE and len(np.unique(filled[:_SOME])) > MANY:
        return None
    return len(np.unique(filled))


def _otherwise(
    name: str,
    cells: Sequence[str],
    ends: tuple[float, float],
    different: int | None,
    options: TableOptions,
) -> str:
    """Return the option that would take whole numbers for something else, where that is likely."""
    if different is not None and different <= FEW_WORDS:
        return write_option("categories", name)
    if 1900_01_01 <= ends[0] and ends[1] <= 2100_12_31:
        dates = read_dates(cells, options.na, options.date_format, sure=True)
        return "" if dates is None else write_option("dates", name)
    return ""


def _date(name: str, dates: Dates) -> Taken:
    missing = int(np.isnan(dates.values).sum())
    why = f"dates, {dates.words}" + _absent(missing, len(dates.values), dates.odd)
    instead = (
        write_option("date_format", dates.other) if dates.other else write_option("drop", name)
    )
    return Taken(
        name,
        "date",
        why,
        instead,
        dates.values,
        missing=missing,
        noted=True,
        dates=dates,
        odd=dates.odd,
    )


def _words(table: RawTable, name: str, cells: Sequence[str], options: TableOptions) -> Taken:
    every = count_words(cells)
    counts = {text: n for text, n in every.items() if text and text not in options.na}
    total = sum(counts.values())
    repeated = sum(n for n in counts.values() if n > 1) / total
    instead = write_option("categories", name)
    if name in table.unnamed:
        return Taken(
            name,
            "left out",
            "it has no name, as an index that was written along",
            instead,
            noted=True,
        )
    if len(counts) == 1:
        return Taken(name, "left out", f"always {next(iter(counts))!r}", instead, noted=True)
    example = find_number_in_words(counts) if len(counts) > FEW_WORDS else ""
    if len(counts) <= FEW_WORDS or repeated >= REPEATED:
        signs, many = say_signs(cells, options), len(counts) > options.max_categories
        found = _category(table, name, options, signs, noted=many or bool(signs))
        return replace(found, example=example)
    words = float(np.mean([len(text.split()) for text in counts]))
    share = f"{counted(len(counts), 'different word')} in {counted(total, 'row')} ({len(counts) / total:.0%})"
    said = f"free text: {share}, {words:.0f} words a cell"
    if example:
        said = f"{say_signs(cells, options) or 'numbers and more in a cell'}: {share}"
    elif words < WORDY:
        said = f"it names the rows: {share}"
    sentences = not example and words >= WORDY
    if sentences:
        instead = write_option("text", name)
    return Taken(name, "left out", said, instead, noted=True, example=example, free_text=sentences)


def _category(table: RawTable, name: str, options: TableOptions, why: str, *, noted: bool) -> Taken:
    words = tuple("" if text in options.na else text for text in table.column(name))
    counts = Counter(text for text in words if text)
    missing = len(words) - sum(counts.values())
    common = [text for text, _ in counts.most_common(3)]
    shown = ", ".join(common) + (", ..." if len(counts) > len(common) else "")
    parts = [part for part in (why, f"{counted(len(counts), 'different word')}: {shown}") if part]
    return Taken(
        name,
        "category",
        "; ".join(parts) + say_blanks(table, name) + _absent(missing, len(words)),
        write_option("drop", name),
        words=words,
        missing=missing,
        noted=noted or missing > 0 or name in table.padded,
    )


def _absent(missing: int, rows: int, words: Sequence[str] = ()) -> str:
    if not missing:
        return ""
    shown = ", ".join(map(repr, list(words)[:3])) + (", ..." if len(words) > 3 else "")
    return f"; {missing} of {rows} missing" + (f" ({shown})" if words else "")
