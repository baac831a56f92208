"""The finished examples are what the renderers make of their record today."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from make_samples import RECORD, SAMPLES, texts, without_bundle
from saved_report import read_report

from harness_reports import parquet

REMAKE = "make the samples again: python tests/reports/make_samples.py"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return texts(read_report(RECORD))


@pytest.mark.parametrize("name", ["quick.txt", "quick.html", "quick.md", "quick.csv", "quick.json"])
def test_sample(made: dict[str, str], name: str) -> None:
    kept = (SAMPLES / name).read_text(encoding="utf-8")
    assert without_bundle(made[name]) == without_bundle(kept), REMAKE


def test_parquet_sample() -> None:
    kept = pd.read_parquet(SAMPLES / "quick.parquet")
    made = pd.read_parquet(io.BytesIO(parquet.render(read_report(RECORD))))
    pd.testing.assert_frame_equal(kept, made)


def test_the_html_sample_is_whole() -> None:
    kept = (SAMPLES / "quick.html").read_text(encoding="utf-8")
    assert len(kept) - len(without_bundle(kept)) > 500_000
