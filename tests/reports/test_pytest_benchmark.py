"""Raw timings in pytest-benchmark's own format, judged by pytest-benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from odd_reports import small_report
from pytest_benchmark.stats import Stats

from harness.api.reporting import ReportData
from harness_reports.pytest_benchmark import describe, render

PLACE = {"dataset": "digits", "recipe": None, "precision": "fp32", "device": "cpu"}


def _metric(architecture: str, batch: int, **changed: Any) -> dict[str, Any]:
    where = {"batch_size": batch, "threads": 2}
    axes = PLACE | {"architecture": architecture, "seed": pd.NA, "measure": "throughput"}
    row = {"name": "throughput", "value": 100.0, "unit": "1/s", "where": json.dumps(where)}
    return axes | row | {"samples": f"batch_{batch}", "fingerprint": architecture} | changed


def _timed(*metrics: dict[str, Any], scale: float = 1.0) -> ReportData:
    samples = {"batch_1": scale * np.array([0.1, 0.2, 0.4]), "batch_64": scale * np.array([3.0])}
    frame = pd.DataFrame(metrics).astype({"seed": "Int64"})
    return small_report(metrics=frame, samples=lambda key: samples if key == "resnet" else {})


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 101, 102, 103])
def test_statistics_are_those_of_pytest_benchmark(count: int) -> None:
    draws = np.random.default_rng(count).lognormal(size=count).tolist()
    theirs = Stats()
    for seconds in draws:
        theirs.update(seconds)
    ours = describe(draws)
    assert (ours.pop("data"), ours.pop("iterations")) == (draws, 1)
    assert ours == theirs.as_dict()
    assert list(ours) == list(Stats.fields)


def test_a_series_is_a_benchmark() -> None:
    flagged = json.dumps({"batch_size": 64, "threads": 2, "flag": "drift"})
    rows = [
        _metric("resnet", 1),
        _metric("resnet", 64, value=7.0, where=flagged),
        _metric("mlp", 1),
    ]
    data = json.loads(render(_timed(*rows)))
    assert list(data) == ["machine_info", "commit_info", "benchmarks", "datetime", "version"]
    one, many = data["benchmarks"]
    assert one["fullname"] == one["name"] == "throughput[resnet-digits-batch_1]"
    assert one["group"] == "throughput"
    assert one["params"]["architecture"] == "resnet" and one["params"]["seed"] is None
    assert one["stats"]["data"] == [0.1, 0.2, 0.4] and one["stats"]["median"] == 0.2
    assert one["extra_info"]["throughput"] == 100.0 and "flag" not in one["extra_info"]
    assert many["extra_info"]["throughput"] == 7.0 and many["extra_info"]["flag"] == "drift"


def test_names_tell_places_apart() -> None:
    place = {"recipe": "plain", "seed": 3, "precision": "bf16", "device": "cuda"}
    data = json.loads(render(_timed(_metric("resnet", 1, **place))))
    name = "throughput[resnet-digits-plain-bf16-cuda-seed3-batch_1]"
    assert data["benchmarks"][0]["fullname"] == name


def test_pytest_benchmark_compares_two_files(tmp_path: Path) -> None:
    for name, scale in (("before", 1.0), ("after", 2.0)):
        text = render(_timed(_metric("resnet", 1), scale=scale))
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    compared = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "before.json", "after.json",
         "--columns=median", "--group-by=fullname", "--csv=table"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert compared.returncode == 0, compared.stderr
    table = pd.read_csv(tmp_path / "table.csv")
    assert sorted(table["median"]) == [0.2, 0.4, 3.0, 6.0]
    assert compared.stdout.count("throughput[resnet-digits-batch_1]") >= 2
