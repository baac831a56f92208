"""Figures as text: the numbers that people read."""

from __future__ import annotations

import math

import pytest

from harness.api.reporting import Column, Figure, Scale
from harness_reports.format import (
    Marks,
    cell,
    describe,
    plain,
    quantity,
    seconds,
    significant,
    titled,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.991, 0.986, 0.996, "99.1 ± 0.5"),
        (0.991, 0.982, 0.996, "99.1 [98.2, 99.6]"),
        (0.988, 0.9814, 0.9935, "98.8 ± 0.7"),  # arms 0.66 and 0.55: the wider one is given
        (0.999, 0.996, 1.0, "99.9 [99.6, 100.0]"),
        (0.9985, 0.9965, 1.0005, "99.9 [99.7, 100.0]"),  # ± 0.2 would reach over 100
        (0.5, 0.4998, 0.5002, "50.00 ± 0.02"),
        (0.5, 0.5, 0.5, "50.0 ± 0.0"),
        (1.0, 1.0, 1.0, "100.0 ± 0.0"),
        (0.0, 0.0, 0.011, "0.0 [0.0, 1.1]"),
        (0.9, 0.95, 0.99, "90.0 [95.0, 99.0]"),  # a value outside its interval is not hidden
    ],
)
def test_fractions_are_percents(value: float, low: float, high: float, text: str) -> None:
    assert cell(Figure(value=value, low=low, high=high), "fraction") == text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.482, 0.421, 0.543, "0.482 ± 0.061"),
        (-0.31, -0.5, -0.2, "-0.310 [-0.500, -0.200]"),
        (12.25, 12.0, 12.5, "12.25 ± 0.25"),
        (1234.0, 1230.0, 1238.0, "1,234 ± 4"),
        (0.0002, -0.01, 0.01, "0.000 ± 0.010"),
        (2e-13, 1.5e-13, 3e-13, "2.0e-13 [1.5e-13, 3.0e-13]"),
        (2e-5, 0.0, 3e-4, "2.0e-05 [0.000, 3.0e-04]"),
    ],
)
def test_plain_numbers(value: float, low: float, high: float, text: str) -> None:
    assert cell(Figure(value=value, low=low, high=high), "") == text


@pytest.mark.parametrize(
    ("unit", "value", "low", "high", "text"),
    [
        ("1/s", 21_400, 21_186, 21_614, "21,400 ± 1 %"),
        ("1/s", 21_400, 21_300, 21_480, "21,400 ± 0.5 %"),
        ("1/s", 21_400, 21_399, 21_401, "21,400 ± <0.1 %"),
        ("s", 0.0009, 0.00083, 0.00102, "0.9 ms +13/-8 %"),
        ("s", 0.001, 0.0005, 0.005, "1 ms [0.5 ms, 5 ms]"),
        ("bytes", 38e6, 36e6, 40e6, "38 MB ± 5 %"),
        ("1/s", 0.0, 0.0, 1.0, "0 [0, 1]"),
    ],
)
def test_scaled_units_give_percents_of_the_value(
    unit: str, value: float, low: float, high: float, text: str
) -> None:
    assert cell(Figure(value=value, low=low, high=high), unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9914, "fraction", "99.1"),
        (175_258, "count", "175 k"),
        (44_426, "count", "44.4 k"),
        (512, "count", "512"),
        (999_950, "count", "1 M"),
        (25_557_032, "count", "25.6 M"),
        (8_178_368_512, "count", "8.18 G"),
        (0, "count", "0"),
        (38_000_000, "bytes", "38 MB"),
        (999, "bytes", "999 B"),
        (1_000, "bytes", "1 kB"),
        (1.5e9, "bytes", "1.5 GB"),
        (21_387.2, "1/s", "21,400"),
        (987.4, "1/s", "987"),
        (0.5213, "1/s", "0.521"),
        (21_387.2, "images/s", "21,400"),
        (3.14159, "joule", "3.14 joule"),
        (math.inf, "1/s", "∞"),
        (-math.inf, "", "-∞"),
        (math.nan, "s", "—"),
    ],
)
def test_quantities(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (8.5e-10, "0.85 ns"),
        (85e-6, "85 µs"),
        (0.0009, "0.9 ms"),
        (0.00093, "0.93 ms"),
        (0.0123, "12 ms"),
        (0.123, "123 ms"),
        (0.9996, "1 s"),
        (14.2, "14 s"),
        (119.4, "119 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 5 min"),
        (-0.002, "-2 ms"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


def test_significant_digits_keep_whole_numbers_whole() -> None:
    assert significant(120_000, 3) == "120,000"
    assert significant(9.999, 3) == "10"
    assert significant(0.001234, 2) == "0.0012"


def test_a_missing_figure_is_a_dash() -> None:
    assert cell(None, "s") == "—"
    assert cell(Figure(value=math.nan), "fraction") == "—"
    assert describe(None, "s") == "not measured"


def test_an_interval_that_is_no_number_is_none() -> None:
    assert cell(Figure(value=0.5, low=math.nan, high=0.6), "fraction") == "50.0"
    assert cell(Figure(value=0.5, low=0.4, high=0.6), "fraction", interval=False) == "50.0"


def test_marks_tell_exact_from_single_and_share_notes() -> None:
    marks = Marks()
    assert marks.of(Figure(value=1.0, exact=True)) == ""
    assert marks.of(Figure(value=1.0, low=0.9, high=1.1)) == ""
    assert marks.legend() == []
    assert marks.of(Figure(value=1.0)) == "*"
    assert marks.of(Figure(value=1.0, low=0.9, high=1.1, note="shared")) == "†"
    assert marks.of(Figure(value=1.0, note="1 seed")) == "*‡"
    assert marks.of(Figure(value=1.0, low=0.9, high=1.1, note="shared")) == "†"
    assert marks.of(Figure(value=1.0, exact=True, note="late; shared")) == "§†"
    assert marks.of(Figure(value=1.0, n=3)) == "¶"  # three equal seeds
    assert marks.of(None) == marks.of(Figure(value=math.nan, note="lost")) == ""
    assert marks.legend() == [
        ("*", "a single observation: no interval"),
        ("†", "shared"),
        ("‡", "1 seed"),
        ("§", "late"),
        ("¶", "no interval: its observations are too few to tell one, or all equal"),
    ]


def test_descriptions_have_all_digits() -> None:
    figure = Figure(value=0.99123, low=0.982, high=0.996, n=1080, note="3 seeds")
    text = describe(figure, "fraction")
    assert text == "99.123 %; 95 % interval 98.200 % to 99.600 %; n = 1,080; 3 seeds"
    assert describe(Figure(value=175_258, exact=True), "count") == "175,258; exact"
    assert describe(Figure(value=0.5), "s") == "0.5 s; a single observation: no interval"
    assert "single" not in describe(Figure(value=0.5, n=3), "s")


@pytest.mark.parametrize(
    ("title", "unit", "shown"),
    [
        ("accuracy", "fraction", "accuracy %"),
        ("robust, linf 1/16", "fraction", "robust %, linf 1/16"),
        ("share in %", "fraction", "share in %"),
        ("r²", "", "r²"),
        ("throughput, batch 64", "1/s", "throughput, batch 64"),
    ],
)
def test_percents_are_said_where_they_are_shown(title: str, unit: str, shown: str) -> None:
    assert titled(Scale(title=title, unit=unit)) == shown
    assert titled(Column(key="k", title=title, unit=unit, better="", meaning="")) == shown


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.79e9, "FLOP/s", "2.79 GFLOP/s"), (3.2e5, "B/s", "320 kB/s"), (1.25, "ratio", "1.250")],
)
def test_rates_are_scaled_and_ratios_are_numbers(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_text_from_outside_cannot_move_the_cursor() -> None:
    assert plain("a\x1b[31m b\nc\u202ed") == "a [31m b c d"
