"""CSV, JSON and parquet: files for programs."""

from __future__ import annotations

import dataclasses
import io
import json as stdlib_json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from odd_reports import HOSTILE, hostile_report
from sample_report import sample_report
from saved_report import read_report

from harness.api.reporting import Figure
from harness_reports import csv, json, parquet
from harness_reports.tidy import to_json


def test_csv_holds_the_tidy_table() -> None:
    report = sample_report()
    frame = pd.read_csv(io.StringIO(csv.render(report)))
    assert list(frame.columns) == list(report.metrics.columns)
    assert len(frame) == len(report.metrics)
    assert frame["value"].tolist() == report.metrics["value"].tolist()
    where = [stdlib_json.loads(text) for text in frame["where"]]
    assert where == report.metrics["where"].tolist()


def test_csv_quotes_what_could_break_a_line() -> None:
    frame = pd.read_csv(io.StringIO(csv.render(hostile_report())))
    assert set(frame["architecture"]) == {HOSTILE[0]}


def test_parquet_keeps_types_and_says_its_version() -> None:
    report = sample_report()
    table = pq.read_table(io.BytesIO(parquet.render(report)))
    assert table.schema.metadata[b"model_harness_format"] == b"1"
    assert table.schema.metadata[b"model_harness_run"] == b"quick-0007"
    frame = table.to_pandas()
    assert frame["exact"].dtype == bool
    assert frame["value"].tolist() == report.metrics["value"].tolist()
    assert stdlib_json.loads(frame["where"].iloc[-1]) == report.metrics["where"].iloc[-1]


def test_rendering_leaves_the_report_as_it_was() -> None:
    report = sample_report()
    csv.render(report)
    parquet.render(report)
    assert isinstance(report.metrics["where"].iloc[0], dict)


def test_json_is_the_whole_report(tmp_path: Path) -> None:
    report = sample_report()
    text = json.render(report)
    data = stdlib_json.loads(text)
    assert (data["format"], data["format_version"]) == ("model-harness report", 2)
    names = {field.name for field in dataclasses.fields(report)} - {"samples", "galleries"}
    assert set(data) == names | {"format", "format_version"}
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    read = read_report(file)
    assert dataclasses.replace(read, metrics=report.metrics) == report
    assert json.render(read) == text


def test_json_holds_no_nan() -> None:
    report = sample_report()
    row = dataclasses.replace(report.rows[0], figures={"headline": Figure(value=math.nan)})
    text = json.render(dataclasses.replace(report, rows=(row,)))
    assert "NaN" not in text
    assert stdlib_json.loads(text)["rows"][0]["figures"]["headline"]["value"] is None


def test_values_of_any_library_become_plain() -> None:
    value = MappingProxyType({1: np.float32(0.5), "a": np.arange(2), "t": pd.NaT, "p": Path("x")})
    assert to_json(value) == {"1": 0.5, "a": [0, 1], "t": None, "p": "x"}
    assert to_json([math.inf, np.float64("nan"), np.int64(3), np.bool_(True), None]) == [
        None,
        None,
        3,
        True,
        None,
    ]
