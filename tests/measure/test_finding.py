"""Findings are kept in a job's folder and come back as they were."""

import pytest

from harness.catalogue.finding import Finding, read_findings, write_findings


def test_findings_come_back(tmp_path):
    found = Finding(
        code="zero-gradients",
        sentence="The gradient is 0 at 58 of 64 examples: ±∞ <b>.",
        advice="Look for a step without a derivative.",
        numbers={"zero": 58, "examples": 64},
        flag="gradients are zero",
        where={"attack": ["pgd", "worst case"]},
    )
    note = Finding(code="few-classes", sentence="Two classes.", advice="Compare with care.")
    write_findings(tmp_path, [found, note])
    assert read_findings(tmp_path) == (found, note)


def test_none_found_is_not_the_same_as_nobody_looked(tmp_path):
    assert read_findings(tmp_path) is None and read_findings(None) is None
    write_findings(tmp_path, [])
    assert read_findings(tmp_path) == ()


def test_a_number_that_is_none_is_refused(tmp_path):
    broken = Finding(code="x", sentence="x", advice="x", numbers={"x": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_findings(tmp_path, [broken])
