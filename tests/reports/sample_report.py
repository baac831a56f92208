"""One fixed report: two data sets, six architectures, failures and skips. The figures are invented."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from sample_charts import estimate, sample_charts
from sample_findings import sample_findings
from sample_galleries import sample_galleries

from harness.api.reporting import (
    ChartData,
    Column,
    CurveChart,
    DatasetInfo,
    Figure,
    GridChart,
    ReportData,
    Row,
    Unfinished,
)

COLUMNS = (
    Column(
        key="headline",
        title="accuracy",
        unit="fraction",
        better="higher",
        meaning="Share of test examples that are classified correctly, averaged over the seeds.",
    ),
    Column(
        key="robust",
        title="robust, linf 1/16",
        unit="fraction",
        better="higher",
        meaning="Accuracy on examples that were perturbed by at most 1/16 of the value range, "
        "the worst case over the attacks.",
    ),
    Column(
        key="shifted",
        title="shifted",
        unit="fraction",
        better="higher",
        meaning="Accuracy averaged over the shifts and their severities.",
    ),
    Column(
        key="throughput",
        title="throughput, batch 64",
        unit="1/s",
        better="higher",
        meaning="Examples per second at batch size 64: the median of the timed blocks.",
    ),
    Column(
        key="latency",
        title="p99 latency, batch 1",
        unit="s",
        better="lower",
        meaning="99th percentile of the time that one example takes, alone.",
    ),
    Column(
        key="peak_memory",
        title="peak memory",
        unit="bytes",
        better="lower",
        meaning="Most resident memory over the process's baseline, at batch size 64.",
    ),
    Column(
        key="parameters",
        title="parameters",
        unit="count",
        better="lower",
        meaning="Number of trainable values.",
    ),
    Column(
        key="flops",
        title="FLOPs, per example",
        unit="count",
        better="lower",
        meaning="Floating-point operations of one forward pass; a multiply-add counts two.",
    ),
    Column(
        key="fit_seconds",
        title="fit",
        unit="s",
        better="lower",
        meaning="Wall time of one fit. Timed while other jobs ran: not for comparison.",
    ),
)

# accuracy, half its interval, robust, shifted, rate, p99 ms, MB, parameters, FLOPs, fit s, group, rank
DIGITS: dict[str, tuple[Any, ...]] = {
    "resnet": (
        0.991,
        0.005,
        0.612,
        0.880,
        21_400,
        0.91,
        38.1,
        175_258,
        5_318_912,
        14.2,
        "a",
        "1-2",
    ),
    "lenet": (0.988, 0.006, 0.489, 0.841, 63_100, 0.31, 12.4, 44_426, 583_120, 4.1, "ab", "1-4"),
    "vit": (0.980, 0.007, 0.301, 0.812, 9_870, 1.42, 61.0, 402_698, 14_236_672, 41.7, "b", "2-4"),
    "mixer": (0.977, 0.008, 0.342, 0.798, 15_300, 0.84, 44.7, 268_810, 8_102_400, 23.5, "b", "2-5"),
    "gru": (0.967, 0.010, 0.214, 0.701, 28_700, 0.77, 21.9, 52_490, 812_032, 9.8, "c", "4-6"),
    "mlp": (0.961, 0.010, 0.118, 0.655, 141_000, 0.12, 6.3, 25_450, 50_688, 2.2, "c", "5-6"),
}
DIABETES: dict[str, tuple[Any, ...]] = {
    "mlp": (0.482, 0.061, None, 0.401, 188_000, 0.11, 5.9, 9_473, 18_816, 1.1, "a", "1-2"),
    "gru": (0.431, 0.070, None, 0.355, 31_200, 0.72, 20.3, 39_233, 741_120, 6.4, "a", "1-2"),
}
VERDICTS = (
    "digits: take lenet. It is not distinguishable from the most accurate, resnet (99.1 %, "
    + "p = 0.31), and three times as fast.",
    "digits: most robust is resnet, 61.2 % under linf 1/16; fastest is mlp, 3.0 points behind.",
    "diabetes: mlp and gru cannot be told apart (p = 0.22); mlp is six times as fast.",
)
SEEDS = (0, 1, 2)


def sample_report() -> ReportData:
    """Return the report, built anew."""
    rows = [*_rows("digits", DIGITS), *_rows("diabetes", DIABETES)]
    charts = sample_charts(rows)
    return ReportData(
        run="quick-0007",
        suite="quick",
        status="completed",
        started="2026-03-02T09:30:12+00:00",
        seconds=412.6,
        counts={
            "ok": 148,
            "cached": 21,
            "failed": 0,
            "oom": 1,
            "crashed": 1,
            "blocked": 3,
            "skipped": 14,
        },
        environment={
            "cpu": "Example 9000, 8 cores at 3.2 GHz",
            "memory": "32 GB",
            "gpu": "none",
            "threads": 1,
            "system": "Linux 6.12",
            "versions": {"model-harness": "0.1.0", "python": "3.12.4", "torch": "2.13.0"},
        },
        datasets=(
            DatasetInfo(
                name="digits",
                headline="accuracy",
                counts={"train": 1167, "validation": 270, "test": 360},
            ),
            DatasetInfo(
                name="diabetes", headline="r2", counts={"train": 287, "validation": 66, "test": 89}
            ),
        ),
        columns=tuple(_by_dataset()),
        rows=tuple(rows),
        charts=charts,
        verdicts=VERDICTS,
        unfinished=tuple(_unfinished()),
        metrics=metrics_frame(rows, charts),
        shared={"recipe": "plain", "precision": "fp32", "device": "cpu"},
        findings=sample_findings(),
        audited=18,
        galleries=sample_galleries,
    )


def _by_dataset() -> Iterator[Column]:
    """Yield the columns; those of accuracy are of r² on the regression."""
    for column in COLUMNS:
        if column.key in ("headline", "shifted"):
            yield dataclasses.replace(column, datasets=("digits",))
            title = column.title.replace("accuracy", "r²").replace("shifted", "shifted r²")
            yield dataclasses.replace(column, title=title, unit="", datasets=("diabetes",))
        else:
            yield column


def metrics_frame(rows: list[Row], charts: tuple[ChartData, ...]) -> pd.DataFrame:
    """Return a tidy frame of the shape that the core gives."""
    records = []
    units = {column.key: column.unit for column in COLUMNS}
    for row in rows:
        for key, figure in row.figures.items():
            records.append(_record(row.architecture, row.dataset, key, units[key], figure, {}))
    for chart in charts:
        if isinstance(chart, CurveChart):
            norm = chart.title.rpartition(", ")[2]
            for point in chart.points:
                where = {"norm": norm, "epsilon": point.x, "attack": "worst"}
                place = (point.series, chart.dataset, "robust_accuracy", "fraction")
                records.append(_record(*place, point.y, where))
        elif isinstance(chart, GridChart):
            for cell in chart.cells:
                where = {"shift": cell.facet, "severity": int(cell.column)}
                place = (cell.row, chart.dataset, "accuracy", "fraction")
                records.append(_record(*place, cell.figure, where))
    return pd.DataFrame.from_records(records)


def _record(
    architecture: str, dataset: str, metric: str, unit: str, figure: Figure, where: dict[str, Any]
) -> dict[str, Any]:
    return {
        "run": "quick-0007",
        "architecture": architecture,
        "dataset": dataset,
        "recipe": "plain",
        "precision": "fp32",
        "device": "cpu",
        "metric": metric,
        "value": figure.value,
        "unit": unit,
        "low": math.nan if figure.low is None else figure.low,
        "high": math.nan if figure.high is None else figure.high,
        "n": figure.n or 1,
        "exact": figure.exact,
        "where": where,
    }


def _rows(dataset: str, table: dict[str, tuple[Any, ...]]) -> Iterator[Row]:
    n = 360 if dataset == "digits" else 89
    for name, values in table.items():
        accuracy, arm, robust, shifted, rate, p99, memory, parameters, flops, fit, group, rank = (
            values
        )
        figures = {
            "headline": estimate(accuracy, arm, n),
            "shifted": estimate(shifted, arm * 2.1, n * 12),
            "throughput": Figure(value=rate, low=rate * 0.991, high=rate * 1.008, n=40),
            "latency": Figure(value=p99 / 1e3, low=p99 * 0.93e-3, high=p99 * 1.12e-3, n=2000),
            "peak_memory": Figure(value=memory * 1e6),
            "parameters": Figure(value=parameters, exact=True),
            "flops": Figure(value=flops, exact=True),
            "fit_seconds": Figure(value=fit, low=fit * 0.9, high=fit * 1.1, n=3, note="shared"),
        }
        if robust is not None:
            figures["robust"] = estimate(robust, 0.029, n)
        if name == "mixer":
            del figures["latency"]  # its job crashed
        yield Row(
            architecture=name,
            series=name,
            dataset=dataset,
            recipe="plain",
            precision="fp32",
            device="cpu",
            seeds=SEEDS,
            group=group,
            rank=rank,
            figures=figures,
        )


def _unfinished() -> Iterator[Unfinished]:
    yield Unfinished(
        label="latency mixer digits",
        fingerprint="3f9a1c",
        status="crashed",
        reason="the process ended by signal 11 (segmentation fault)",
    )
    yield Unfinished(
        label="fit mixer diabetes #0",
        fingerprint="77b0e2",
        status="oom",
        reason="needed more than the 2 GB that a job may take",
    )
    for seed in SEEDS:
        yield Unfinished(
            label=f"throughput mixer diabetes #{seed}",
            fingerprint=f"a1{seed}",
            status="blocked",
            reason="fit mixer diabetes #0 ended as oom",
        )
    for name in ("resnet", "lenet", "vit"):
        for seed in SEEDS:
            yield Unfinished(
                label=f"fit {name} diabetes #{seed}",
                fingerprint=f"b{name[0]}{seed}",
                status="skipped",
                reason="takes images; diabetes is a table",
            )
    for name in ("mlp", "gru"):
        yield Unfinished(
            label=f"adversarial {name} diabetes",
            fingerprint=f"c{name[0]}",
            status="skipped",
            reason="adversarial is for classification; diabetes is regression",
        )
