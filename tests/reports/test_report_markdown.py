"""Tables for GitHub, escaped."""

from __future__ import annotations

import re

import pytest
from odd_reports import hostile_report
from sample_report import sample_report

from harness_reports.markdown import escape, render


def _tables(text: str) -> list[list[str]]:
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [lines for lines in blocks if lines[0].startswith("|")]


@pytest.mark.parametrize(("build", "tables"), [(sample_report, 7), (hostile_report, 10)])
def test_every_line_of_a_table_has_as_many_cells(build: type, tables: int) -> None:
    found = _tables(render(build()))
    assert len(found) == tables
    for lines in found:
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(counts) == 1


def test_figures_and_order() -> None:
    digits, diabetes, *_, unfinished = _tables(render(sample_report()))
    assert digits[0].startswith("| architecture | accuracy % | robust %, linf 1/16 | shifted % |")
    assert digits[2].startswith(
        "| resnet | 99.1 ± 0.5 | 61.2 ± 2.9 | 88.0 ± 1.0 | 21,400 ± 0.9 % |"
    )
    assert "| 38.1 MB\\* | 175 k |" in digits[2]
    assert digits[5].startswith("| mixer | 97.7 [96.9, 98.3] |")
    assert " — |" in digits[5]
    assert diabetes[0].startswith("| architecture | r² | shifted r² |")
    assert len(unfinished) == 2 + 5


def test_names_from_outside_are_escaped() -> None:
    assert escape("a|b") == r"a\|b"
    assert escape("<script>&") == r"\<script\>&amp;"
    assert escape("`x` *y* _z_ @me #1") == r"\`x\` \*y\* \_z\_ &#64;me \#1"
    assert escape("resnet_50_d") == "resnet_50_d"
    assert escape("one\ntwo\x1b[0m") == r"one two \[0m"
    assert "<script>" not in render(hostile_report())
