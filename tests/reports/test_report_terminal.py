"""Plain text that fits the terminal."""

from __future__ import annotations

import dataclasses
import io

import pytest
from odd_reports import hostile_report, large_report, small_report
from rich.cells import cell_len
from rich.console import Console
from sample_report import sample_report

from harness_reports.terminal import render, render_rich


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("build", [sample_report, large_report, hostile_report])
def test_no_line_is_wider_than_the_terminal(build: type, width: int) -> None:
    assert max(cell_len(line) for line in render(build(), width).splitlines()) <= width


def test_tables_say_what_was_found_in_order() -> None:
    text = render(sample_report(), 120)
    parts = [
        "quick-0007",
        "suite quick, completed, but 5 of 188 jobs are not ok, started 2026-03-02 09:30 UTC, took 6 min 53 s",
        "digits: take lenet.",
        "digits, 360 test examples, 3 seeds",
        "accuracy %",
        "99.1 ± 0.5   a       1–2    61.2 ± 2.9   88.0 ± 1.0    21,400 ± 0.9 %",
        "98.8 ± 0.6   a b",
        "diabetes, 89 test examples, 3 seeds",
        "r²",
        "0.482 ± 0.061   a",
        "* a single observation: no interval",
        "† shared",
        "oom 1: needed more than the 2 GB",
        "skipped 9: takes images; diabetes is a table (fit resnet diabetes #0",
        "Jobs: 148 ok, 21 cached, 1 oom, 1 crashed, 3 blocked, 14 skipped.",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_narrow_terminals_get_blocks_not_wrapped_cells() -> None:
    report = dataclasses.replace(sample_report(), charts=())
    narrow, wide = render(report, 80), render(report, 250)
    assert narrow.count("resnet   ") > wide.count("resnet   ") == 1
    assert all(text in narrow for text in ("21,400 ± 0.9 %", "0.91 ms +12/-7 %", "5.32 M"))


def test_a_missing_figure_is_a_dash() -> None:
    report = dataclasses.replace(sample_report(), charts=())
    (mixer,) = [line for line in render(report, 250).splitlines() if "mixer   " in line]
    assert "—" in mixer


def test_recipes_that_differ_are_repeated_in_every_block() -> None:
    report = sample_report()
    rows = tuple(dataclasses.replace(r, recipe=f"r{i}") for i, r in enumerate(report.rows))
    text = render(dataclasses.replace(report, rows=rows), 80)
    assert text.count("r0 ") >= 2
    assert "recipe plain" not in text.splitlines()[0]


def test_markup_and_escapes_from_outside_are_text() -> None:
    text = render(hostile_report(), 120)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "[31mred next" in text


def test_width_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    lines = render(sample_report()).splitlines()
    assert 50 < max(cell_len(line) for line in lines) <= 72


def test_no_rows_still_say_what_became_of_the_jobs() -> None:
    text = render(small_report(rows=(), counts={"failed": 2}), 80)
    assert "Jobs: 2 failed." in text
    assert "Jobs: none." in render(small_report(rows=(), counts={}), 80)


def test_a_live_terminal_gets_colours() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    console.print(render_rich(sample_report(), 100))
    assert "\x1b[" in console.file.getvalue()  # type: ignore[attr-defined]
