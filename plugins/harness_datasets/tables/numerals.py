"""How a column of a table writes its numbers: its decimal sign, thousands, and what is written around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness_datasets.tables.cells import MOST_ODD, Numbers, read_number, read_numbers, says_nothing
from harness_datasets.tables.options import CellOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.stored_cells import StoredCells, count_words

LOOKED_AT = 1000  # rows by which a file shows its decimal sign
ENOUGH = 20  # cells with three digits behind a point, in which decimals would have shown fewer once
EXACT = 2.0**53  # whole numbers beyond it lose digits in float64
_OTHER = {".": ",", ",": "."}
# No number of thousands begins with 0.
_GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(\{mark}\d{{3}})+") for mark in (".", ",")}
_SMALL, _WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,2})"), re.compile(r"[+-]?\d+")
_MINUS = "\u2212"
_UNITS = "%$€£¥₹₩₽₺₪₫฿"
_DRESSED = re.compile(
    rf"(-?)\s?([{_UNITS}]?)\s?([-+]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?)\s?([{_UNITS}]?)"
)
_HELD = re.compile(
    rf"([(<>=~≈≤≥±]*)\s*[-+{_MINUS}]?\s*[{_UNITS}]?\s*"
    r"(?:\d{1,3}(?:[.,'’\s]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)(?:[eE][+-]?\d+)?\s*([^\d\s][^\d]{0,11})?"
)


@dataclass(frozen=True)
class _Signs:
    """Decimal signs to try, the likelier one first; said: how groups of three digits were taken."""

    tried: tuple[str, ...]
    said: str = ""
    instead: str = ""
    doubtful: bool = False


def read_numerals(
    table: RawTable, cells: Sequence[str], options: CellOptions, *, sure: bool = False
) -> Numbers | None:
    """Return the cells of a column as numbers; None where too many are others.

    A percent sign or one of a currency that all numbers have is removed, and a minus of Unicode is one. Whole
    numbers of which float64 would take different ones for one are given less their smallest.
    sure: it holds numbers, whatever other words there are.
    """
    found = _read(table, cells, options, sure=sure)
    if found is None or found.odd:
        bare, said = _undress(cells, options.na)
        better = _read(table, bare, options, sure=sure) if said else None
        if better is not None and (
            found is None or sum(better.odd.values()) < sum(found.odd.values())
        ):
            cells, found = bare, replace(better, said=[said, *better.said])
    return None if found is None else _keep_digits(cells, found)


def find_decimal_signs(columns: Sequence[Sequence[str]]) -> frozenset[str]:
    """Return the marks that are the decimal sign for sure in some column, as in 0.125 or 1,5."""
    first = [cells[:LOOKED_AT] for cells in columns]
    return frozenset(
        sign for sign in (".", ",") if any(_is_decimal(cells, sign) for cells in first)
    )


def say_signs(cells: Sequence[str], options: CellOptions) -> str:
    """Return in words why cells that are numbers by themselves are no column of numbers: by their decimal signs.

    "" where that is not why.
    """
    filled = [text for text in count_words(cells) if not says_nothing(text, options.na)]
    kinds = {sign: [t for t in filled if read_number(t, sign) is not None] for sign in (".", ",")}
    most = (1.0 - MOST_ODD) * len(filled)
    if not filled or len(set(kinds["."]) | set(kinds[","])) < most:
        return ""
    if options.decimal != "auto":
        other = _OTHER[options.decimal]
        return f"they are numbers with decimal={other}" if len(kinds[other]) >= most else ""
    only = {sign: [t for t in kinds[sign] if t not in set(kinds[_OTHER[sign]])] for sign in kinds}
    if not only["."] or not only[","]:
        return ""
    return (
        f"some numbers have a decimal comma, such as {only[','][0]!r}, and some a point, such as {only['.'][0]!r}; write "
        "all alike"
    )


def shows_decimals(text: str, sign: str) -> bool:
    """Whether a number has a mark that stands for no thousands."""
    return sign in text and _GROUPED[sign].fullmatch(text) is None


def _is_decimal(cells: Sequence[str], sign: str) -> bool:
    certain = False
    for text in cells:
        if says_nothing(text):
            continue
        if read_number(text, sign) is None:
            return False
        certain = certain or shows_decimals(text, sign)
    return certain


def _read(
    table: RawTable, cells: Sequence[str], options: CellOptions, *, sure: bool
) -> Numbers | None:
    signs = _choose_signs(table, cells, options)
    found = read_numbers(cells, signs.tried, options.na, sure=sure)
    if found is None or not signs.said:
        return found
    return replace(found, said=[signs.said], instead=signs.instead, doubtful=signs.doubtful)


def _choose_signs(table: RawTable, cells: Sequence[str], options: CellOptions) -> _Signs:
    """Return the decimal sign of a column whose cells do not tell it; else those it may have."""
    usual = (",", ".") if table.separator == ";" else (".", ",")
    if options.decimal != "auto":
        return _Signs((options.decimal,))
    grouped = _find_grouped(cells, options.na) if table.separator else None
    if grouped is None:
        return _Signs(usual)
    mark, texts, mixed = grouped
    longest = max(texts, key=len)
    if longest.count(mark) > 1:
        sign, doubtful = _OTHER[mark], False
    elif len(table.signs) == 1:
        (sign,), doubtful = table.signs, False
    elif mixed:  # next to 950, decimals would write 12.5 as well as 12.345
        few = len(texts) < ENOUGH and usual[0] == mark
        sign, doubtful = (mark if few else _OTHER[mark]), usual[0] == mark
    else:
        sign, doubtful = usual[0], table.separator == ";"
    if sign == mark:
        said = f"{longest} read with decimals"
        return _Signs((sign,), said if doubtful else "", f"decimal={_OTHER[mark]}", doubtful)
    value = longest.replace(mark, "")
    return _Signs((sign,), f"{longest} read as {value}", f"decimal={mark}", doubtful)


def _find_grouped(cells: Sequence[str], na: Collection[str]) -> tuple[str, list[str], bool] | None:
    """Return the mark that stands before each three digits in all numbers but those below 1000, the cells that
    have it, and whether there are such numbers; None where a number is written otherwise.
    """
    mark, texts, mixed = "", [], False
    counts: Iterable[tuple[str, int]] = ((text, 1) for text in cells)
    if isinstance(cells, StoredCells):
        if _is_otherwise(cells[:LOOKED_AT], na):
            return None
        counts = count_words(cells).items()
    for text, count in counts:
        if says_nothing(text, na) or not any(map(str.isdigit, text)):
            continue
        if _SMALL.fullmatch(text):
            mixed = True
            continue
        mark = mark or ("." if "." in text else ",")
        if _GROUPED[mark].fullmatch(text) is None:
            return None
        texts += [text] * count
    return (mark, texts, mixed) if texts else None


def _is_otherwise(cells: Sequence[str], na: Collection[str]) -> bool:
    """Whether some number has no mark before each three digits and is above 999: nothing more need be looked at."""
    return any(
        any(map(str.isdigit, text))
        and not says_nothing(text, na)
        and _SMALL.fullmatch(text) is None
        and all(one.fullmatch(text) is None for one in _GROUPED.values())
        for text in cells
    )


def _undress(cells: Sequence[str], na: Collection[str]) -> tuple[list[str], str]:
    """Return cells without the sign of a unit, where all numbers have the same, and what was done; else ""."""
    bare: dict[str, str] = {}
    units = set[str]()
    minus = False
    for text in count_words(cells):
        match = None if says_nothing(text, na) else _DRESSED.fullmatch(text.replace(_MINUS, "-"))
        if match is not None:
            sign, before, number, after = match.groups()
            units.add(before + after)
            minus = minus or _MINUS in text
            bare[text] = sign + number
    (unit,) = units if len(units) == 1 else ("",)
    if len(units) > 1:  # 5% is not 5
        bare = {text: text.replace(_MINUS, "-") for text in bare}
    parts = [f"{unit!r} removed"] * bool(unit) + ["minus signs of Unicode"] * minus
    return [bare.get(text, text) for text in cells] if parts else [], ", ".join(parts)


def _keep_digits(cells: Sequence[str], numbers: Numbers) -> Numbers:
    """Return whole numbers less the smallest, where float64 would take different ones for one."""
    least, most = np.fmin.reduce(numbers.values), np.fmax.reduce(numbers.values)
    if max(-least, most) < EXACT:
        return numbers
    filled = ~np.isnan(numbers.values)
    cells, places = list(cells), np.flatnonzero(filled).tolist()
    if not all(_WHOLE.fullmatch(cells[place]) for place in places):
        return numbers
    exact = [int(cells[place]) for place in places]
    different = len(set(exact))
    if len(np.unique(numbers.values[filled])) == different:
        return numbers
    least = min(exact)
    values = numbers.values.copy()
    values[filled] = [float(value - least) for value in exact]
    lost = different - len(np.unique(values[filled]))
    return replace(
        numbers, values=values, less=least, said=[*numbers.said, f"less {least}"], lost=lost
    )


def find_number_in_words(counts: Mapping[str, int]) -> str:
    """Return one of the cells, where at least half of them are a number and one of three things written to it."""
    behind = Counter[str]()
    for text, count in counts.items():
        match = _HELD.fullmatch(text)
        if match is not None:
            behind[match[2] or match[1]] += count
    common = behind.most_common(3)
    if sum(count for _, count in common) < 0.5 * sum(counts.values()):
        return ""
    usual = next((part for part, _ in common if part), "")
    return next(text for text in counts if (match := _HELD.fullmatch(text)) and usual in match[0])
