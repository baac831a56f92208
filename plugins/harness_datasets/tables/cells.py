"""What a cell says: a number, a date, yes or no, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from harness_datasets.tables.raw import Array
from harness_datasets.tables.stored_cells import StoredCells, count_words

# In a column of numbers these say that a cell is missing; in one of words they are words, but for the empty one.
NOTHING = frozenset(
    {
        "", "?", "-", "--", ".", "na", "n/a", "n.a.", "#n/a", "#na", "nan", "null", "none", "nil", "missing",
        "unknown", "<na>", "nat", "inf", "-inf", "+inf", "infinity", "-infinity",
    }
)  # fmt: skip
MOST_ODD = 0.1  # of a column's filled cells may be other words than numbers
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")
_COMMA_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_TRUE, _FALSE = frozenset({"true", "yes", "t", "y"}), frozenset({"false", "no", "f", "n"})
_LOOKS_LIKE_DATE = re.compile(
    r"\d{1,4}[-/. ]\w{1,9}[-/., ]+\d{1,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4}"
)
_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
    "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%Y.%m.%d",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True)
class Numbers:
    """A column of numbers ``(rows,)`` in float64, NaN where a cell is missing.

    decimal: "." or ",". odd: words that are neither numbers nor say that nothing is there, with their counts.
    said: what was done to read them. instead: the option that would read them otherwise. doubtful: it well could be.
    less: what was taken off each to keep its digits. lost: different numbers that are one even so.
    """

    values: Array
    decimal: str
    odd: Mapping[str, int]
    said: Sequence[str] = ()
    instead: str = ""
    doubtful: bool = False
    less: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Dates:
    """A column of times ``(rows,)``, seconds since 1970 in float64, NaN where a cell is missing.

    words: how they were read. other: another way in which all of them could be read; "" where there is none. odd: filled
    cells that are no dates, such as 0000-00-00; they count as missing.
    """

    values: Array
    words: str
    other: str = ""
    odd: tuple[str, ...] = ()


def says_nothing(text: str, extra: Collection[str] = ()) -> bool:
    """Whether a cell of a column of numbers is missing; extra: what the option `na` names."""
    return text.lower() in NOTHING or text in extra


def spellings(na: Sequence[str], cells: Iterable[str], decimal: str) -> tuple[str, ...]:
    """Return the words of the option `na`, and all cells that are the same number as one of them: -999.0, or -999,0,
    which a writer makes of -999 where a column has fractions or empty cells.

    decimal: the option: "." or ",", or "auto", which takes a mark before three digits for one of thousands.
    """
    numbers = {read_number(word, ".") for word in na} - {None}
    if not numbers:
        return tuple(na)

    def read(text: str) -> float | None:
        signs = (".", ",") if decimal == "auto" else (decimal,)
        return next(
            (value for sign in signs if (value := read_number(text, sign)) is not None), None
        )

    same = (text for text in dict.fromkeys(cells) if read(text) in numbers)
    return tuple(dict.fromkeys([*na, *same]))


def read_number(text: str, decimal: str) -> float | None:
    """Return the number that a cell holds; None where it holds none, or one beyond float64."""
    plain, grouped = (_NUMBER, _GROUPED) if decimal == "." else (_COMMA, _COMMA_GROUPED)
    if not plain.fullmatch(text) and not grouped.fullmatch(text):
        return None
    value = float(text.replace("," if decimal == "." else ".", "").replace(",", "."))
    return value if math.isfinite(value) else None


def read_numbers(
    cells: Sequence[str], decimals: Sequence[str], na: Collection[str], *, sure: bool = False
) -> Numbers | None:
    """Return a column as numbers; None where too many cells are others.

    decimals: of "." and ",", those that may be its decimal sign; the first with most numbers is. sure: it holds
    numbers, whatever other words there are.
    """
    plain = None if na or "." not in decimals else read_plain(cells)
    if plain is not None:
        return Numbers(plain, ".", {}) if not np.isnan(plain).all() else None
    counts = count_words(cells)
    filled = {text: n for text, n in counts.items() if not says_nothing(text, na)}
    total = sum(filled.values())
    best: tuple[int, str, dict[str, float]] = (-1, ".", {})
    for sign in decimals:
        found = {text: value for text in filled if (value := read_number(text, sign)) is not None}
        covered = sum(filled[text] for text in found)
        if covered > best[0]:
            best = (covered, sign, found)
        if covered == total:
            break
    covered, sign, found = best
    if not total or (covered < (1.0 - MOST_ODD) * total and not (sure and covered)):
        return None
    odd = {text: n for text, n in filled.items() if text not in found}
    values = np.array([found.get(text, np.nan) for text in cells], dtype=np.float64)
    return Numbers(values, sign, odd)


def read_plain(cells: Sequence[str]) -> Array | None:
    """Return a column that is read as a whole, which most are; None where one cell is not so."""
    if isinstance(cells, StoredCells):
        return cells.numbers
    every = "".join(cells)
    if "," in every or "_" in every or not every.isascii():
        return None
    try:
        values = np.array([text or "nan" for text in cells]).astype(np.float64)
    except ValueError:
        return None
    absent = np.flatnonzero(~np.isfinite(values)).tolist()
    if not all(says_nothing(cells[place]) for place in absent):
        return None  # beyond float64, or -nan: no words for a missing cell
    values[absent] = np.nan
    return values


def read_flags(cells: Sequence[str], na: Collection[str]) -> Array | None:
    """Return a column of yes and no as 1 and 0, NaN where a cell is missing; None where it holds others."""
    words = {text for text in count_words(cells) if text and text not in na}
    lower = {text.lower() for text in words}
    if (
        not lower
        or not lower <= _TRUE | _FALSE
        or len(lower & _TRUE) > 1
        or len(lower & _FALSE) > 1
    ):
        return None
    meaning = {text: float(text.lower() in _TRUE) for text in words}
    return np.array([meaning.get(text, np.nan) for text in cells], dtype=np.float64)


def read_dates(
    cells: Sequence[str], na: Collection[str], written: str = "", *, sure: bool = False
) -> Dates | None:
    """Return a column of dates; None where more than `MOST_ODD` of its different cells are something else.

    written: the format, as in `datetime.strptime`; "" tries ISO 8601 and the usual ones. sure: the column holds
    dates, so numbers are read as YYYYMMDD, or as seconds or milliseconds since 1970.
    """
    words = [text for text in count_words(cells) if not says_nothing(text, na)]
    if not words or not (sure or _LOOKS_LIKE_DATE.match(words[0])):
        return None
    found: dict[str, float] | None = None
    for most in dict.fromkeys((0, int(MOST_ODD * len(words)))):  # all of them, else nearly all
        if written:
            found, name, other = _parse(words, written, most), written, ""
        else:
            found, name, other = _read_days(words, most)
        if found is None and sure and not written and not most:
            found, name = _read_stamps(words)
        if found is not None:
            break
    if found is None:
        return None
    values = np.array([found.get(text, np.nan) for text in cells], dtype=np.float64)
    return Dates(values, name, other, tuple(text for text in words if text not in found))


def _read_days(words: Sequence[str], most: int) -> tuple[dict[str, float] | None, str, str]:
    iso = _parse(words, "", most)
    if iso is not None:
        return iso, "ISO 8601", ""
    fitting = []
    for day in _DAYS:
        for time in _TIMES:
            found = _parse(words, day + time, most)
            if found is not None:
                fitting.append((found, day + time))
    if not fitting:
        return None, "", ""
    found, name = max(fitting, key=lambda one: len(one[0]))  # of several the first
    others = [other for values, other in fitting if values != found and len(values) == len(found)]
    return found, name, others[0] if others else ""


def _parse(words: Sequence[str], written: str, most: int = 0) -> dict[str, float] | None:
    """Return {text: seconds since 1970}, a time without a zone taken as UTC; None where more than `most` do not fit."""
    found, left = {}, most
    for text in words:
        try:
            moment = datetime.strptime(text, written) if written else datetime.fromisoformat(text)
        except ValueError:
            left -= 1
            if left < 0:
                return None
            continue
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        found[text] = moment.timestamp()
    return found


def _read_stamps(words: Sequence[str]) -> tuple[dict[str, float] | None, str]:
    numbers = {text: read_number(text, ".") for text in words}
    if any(value is None for value in numbers.values()):
        return None, ""
    values = np.array(list(numbers.values()), dtype=np.float64)
    if ((values >= 1e7) & (values < 1e8)).all():
        days = {text: str(int(float(text))) for text in words}
        found = _parse(list(days.values()), "%Y%m%d")
        return (
            (None, "")
            if found is None
            else ({t: found[day] for t, day in days.items()}, "YYYYMMDD")
        )
    factor, name = (
        (1e-3, "milliseconds since 1970") if values.max() > 1e11 else (1.0, "seconds since 1970")
    )
    return {text: float(v or 0.0) * factor for text, v in numbers.items()}, name
