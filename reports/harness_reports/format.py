"""How figures and names look in text. Pure; shared by all formats that a person reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from harness.api.measuring import significant
from harness.api.reporting import Column, Figure, Scale

DASH = "\N{EM DASH}"
SINGLE = "*"
SINGLE_MEANING = "a single observation: no interval"
EQUAL_MEANING = "no interval: its observations are too few to tell one, or all equal"
DOUBTFUL = "?"  # of a figure in a chart
NOTE_MARKS = ("†", "‡", "§", "¶")

# What moves a terminal's cursor, breaks a line, or turns the direction of text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_CONTROLS_OF_TEXT = re.compile(rf"(?![\n\t]){_CONTROLS.pattern[:-1]}")
UNITS = ("fraction", "ratio", "s", "bytes", "count", "1/s", "")
_RATES = ("FLOP/s", "B/s")
_UNSCALED = ("fraction", "", "ratio")


def plain(text: str) -> str:
    """Return text from outside on one line, without control characters."""
    return _CONTROLS.sub(" ", text).strip()


def plain_text(value: Any) -> Any:
    """Return what a template writes; a text from outside without control characters but for ends of lines and tabs."""
    if type(value) is not str:  # what is HTML already is a text of another type
        return value
    return _CONTROLS_OF_TEXT.sub(" ", value)


def plain_lines(text: str) -> list[str]:
    """Return the lines of a text from outside, each without control characters."""
    return [line for one in text.splitlines() if (line := plain(one))]


def titled(shown: Column | Scale) -> str:
    """Return what figures are of, with "%" where percents are shown: "robust %, linf 1/16"."""
    name, comma, condition = shown.title.partition(",")
    if shown.unit == "fraction" and "%" not in shown.title:
        return f"{name} %{comma}{condition}"
    return shown.title


def cell(figure: Figure | None, unit: str, *, interval: bool = True) -> str:
    """Return a figure as "99.1 ± 0.5", "99.1 [98.2, 99.6]", "21,400 ± 1 %" or a dash.

    The interval is written with ± where both arms are the same to a unit in the last digit shown.
    Scaled units (seconds, bytes, counts, rates) give the arms as percents of the value, "± 1 %" or
    "+12/-7 %".
    """
    if figure is None or math.isnan(figure.value):
        return DASH
    if not interval or not has_interval(figure):
        return quantity(figure.value, unit)
    if unit in ("", "ratio") and _is_tiny(_end(figure.high)) and _end(figure.low) >= 0:
        low, value, high = (
            quantity(one, unit) for one in (_end(figure.low), figure.value, _end(figure.high))
        )
        return f"{value} [{low}, {high}]"
    if unit in _UNSCALED:
        return _absolute(figure, unit)
    return _relative(figure, unit)


def quantity(value: float, unit: str) -> str:
    """Return a bare value: percent without its sign, others with their scaled unit."""
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit == "fraction":
        return f"{value * 100:.1f}"
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return _scaled(value, ("B", "kB", "MB", "GB", "TB", "PB"))
    if unit in _RATES:
        return _scaled(value, tuple(prefix + unit for prefix in ("", "k", "M", "G", "T", "P")))
    if unit in ("count", "FLOP"):
        return _scaled(value, ("", "k", "M", "G", "T", "P"))
    if unit == "J":
        return _joules(value)
    if unit in ("", "ratio"):
        return f"{value:.1e}" if _is_tiny(value) else f"{value:,.{_decimals(value, unit)}f}"
    number = significant(value, 3)
    return number if unit.endswith("/s") else f"{number} {plain(unit)}"


def seconds(value: float) -> str:
    """Return a duration: "85 µs", "0.9 ms", "12 s", "3 min 20 s", "2 h 5 min"."""
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 7199.5:
        minutes = round(size / 60)
        return f"{sign}{minutes // 60:,} h {minutes % 60} min"
    if size >= 119.5:
        whole = round(size)
        return f"{sign}{whole // 60} min {whole % 60} s"
    for unit, factor, least in (("s", 1.0, 0.995), ("ms", 1e3, 0.995e-4), ("µs", 1e6, 0.995e-7)):
        if size >= least:
            return f"{sign}{_two_or_three(size * factor)} {unit}"
    return f"{sign}{_two_or_three(size * 1e9)} ns" if size else "0 s"


def _joules(value: float) -> str:
    """Return an energy: "12 kJ", "3.4 J", "85 mJ", "7.1 µJ"."""
    for unit, factor in (("MJ", 1e-6), ("kJ", 1e-3), ("J", 1.0), ("mJ", 1e3), ("µJ", 1e6)):
        if abs(value) * factor >= 0.995:
            return f"{_two_or_three(value * factor)} {unit}"
    return f"{_two_or_three(value * 1e9)} nJ" if value else "0 J"


def describe(figure: Figure | None, unit: str) -> str:
    """Return all that is known of a figure, in full digits, for a tooltip."""
    if figure is None or math.isnan(figure.value):
        return "not measured"
    suffix = f" {plain(unit)}" if unit not in ("fraction", "", "count") else ""
    parts = [_full(figure.value, unit) + suffix]
    if has_interval(figure):
        low, high = _full(_end(figure.low), unit), _full(_end(figure.high), unit)
        parts.append(f"95 % interval {low} to {high}")
    elif figure.exact:
        parts.append("exact")
    else:
        parts.append(SINGLE_MEANING if is_single(figure) else EQUAL_MEANING)
    if figure.n is not None:
        parts.append(f"n = {figure.n:,}")
    if figure.note:
        parts.append(plain(figure.note))
    return "; ".join(parts)


def doubt(figure: Figure | None) -> str:
    """Return the mark of a figure in a chart that a measure calls doubtful; "" for all others."""
    return DOUBTFUL if figure is not None and figure.doubtful else ""


def doubts(figures: Iterable[Figure]) -> str:
    """Return what that mark means below a chart: "? doubtful: an attack beat a certificate."; "" where none has it."""
    said = (plain(one.note).split("; ") for one in figures if one.doubtful)
    notes = dict.fromkeys(note for notes in said for note in notes if note)
    return f"{DOUBTFUL} doubtful: {'; '.join(notes)}." if notes else ""


def has_interval(figure: Figure) -> bool:
    """Whether both ends of the interval are there and finite."""
    ends = (figure.value, figure.low, figure.high)
    return all(end is not None and math.isfinite(end) for end in ends)


def is_single(figure: Figure) -> bool:
    """Whether a figure rests on one observation, as far as is known."""
    return figure.n is None or figure.n < 2


class Marks:
    """Footnote marks, given out as figures are shown, with the legend that explains them."""

    def __init__(self) -> None:
        """Start with no mark used."""
        self._notes: dict[str, str] = {}
        self._single = False

    def of(self, figure: Figure | None) -> str:
        """Return the marks that follow a figure: "*" for a single observation, one per note; several
        observations of which no interval is known have a note for that.

        Several notes of a figure are separated by semicolons.
        """
        if figure is None or math.isnan(figure.value):
            return ""
        marks, notes = "", list(filter(None, plain(figure.note).split("; ")))
        if not figure.exact and not has_interval(figure):
            if is_single(figure):
                self._single = True
                marks = SINGLE
            else:
                notes.insert(0, EQUAL_MEANING)
        for note in notes:
            count = len(self._notes)
            mark = NOTE_MARKS[count] if count < len(NOTE_MARKS) else f"({count + 1})"
            marks += self._notes.setdefault(note, mark)
        return marks

    def legend(self) -> list[tuple[str, str]]:
        """Return (mark, meaning) of the marks that were used."""
        single = [(SINGLE, SINGLE_MEANING)] if self._single else []
        return single + [(mark, note) for note, mark in self._notes.items()]


def _absolute(figure: Figure, unit: str) -> str:
    scale = 100.0 if unit == "fraction" else 1.0
    value, low, high = (end * scale for end in (figure.value, _end(figure.low), _end(figure.high)))
    decimals = _decimals(value, unit)
    widest = max(value - low, high - value)
    if 0 < widest < 0.5 * 10**-decimals:
        decimals += 1
    last = 10**-decimals
    below, above = round(value - low, decimals), round(high - value, decimals)
    arm = max(below, above)
    outside = unit == "fraction" and (value - arm < -last / 2 or value + arm > 100 + last / 2)
    if min(below, above) < 0 or abs(below - above) > 1.001 * last or outside:
        return f"{value:,.{decimals}f} [{low:,.{decimals}f}, {high:,.{decimals}f}]"
    return f"{value:,.{decimals}f} ± {arm:,.{decimals}f}"


def _relative(figure: Figure, unit: str) -> str:
    value, low, high = figure.value, _end(figure.low), _end(figure.high)
    text = quantity(value, unit)
    if value > 0 and low <= value <= high:
        below, above = 100 * (value - low) / value, 100 * (high - value) / value
        if abs(round(below) - round(above)) <= 1:
            return f"{text} ± {_percents(max(below, above))} %"
        if max(below, above) < 100:
            return f"{text} +{_percents(above)}/-{_percents(below)} %"
    return f"{text} [{quantity(low, unit)}, {quantity(high, unit)}]"


def _percents(value: float) -> str:
    if value >= 0.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.05 else "<0.1"


def _scaled(value: float, units: tuple[str, ...]) -> str:
    size, power = abs(value), 0
    while size >= 999.5 and power < len(units) - 1:
        size /= 1000
        power += 1
    number = significant(math.copysign(size, value), 3)
    return f"{number} {units[power]}".rstrip()


def _two_or_three(value: float) -> str:
    return significant(value, 2 if value < 99.5 else 3)


def _is_tiny(value: float) -> bool:
    """Whether three decimals would show a number as zero that is none."""
    return 0 < value < 0.0005


def _decimals(value: float, unit: str) -> int:
    if unit == "fraction":
        return 1
    size = abs(value)
    return 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0


def _full(value: float, unit: str) -> str:
    if math.isinf(value):
        return quantity(value, unit)
    if unit == "fraction":
        return f"{value * 100:.3f} %"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


def _end(end: float | None) -> float:
    return math.nan if end is None else end
