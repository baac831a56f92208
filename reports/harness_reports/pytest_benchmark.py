"""Raw timings as the JSON that ``pytest-benchmark compare`` reads (its format 5.3)."""

from __future__ import annotations

import json
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.api.reporting import TRIAL_AXES, ReportData, TimedFigure, condition_of, figures_under
from harness_reports.tidy import to_json

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "5.3.1"  # the version of pytest-benchmark whose keys these are
_USUAL = {"precision": "fp32", "device": "cpu"}  # these need not stand in a name


def render(report: ReportData) -> str:
    """Return one benchmark for each series of raw timings; none where none were kept.

    Runs are joined on `fullname`, such as "throughput[resnet-digits-batch_64]", which depends on
    nothing but the measure, its place and its batch size. Times are in seconds.
    """
    data = {
        "machine_info": _machine_info(report.environment),
        "commit_info": {
            "id": "unversioned",
            "time": None,
            "author_time": None,
            "dirty": False,
            "project": report.suite,
            "branch": "(unknown)",
        },
        "benchmarks": list(_benchmarks(report)),
        "datetime": report.started,
        "version": FORMAT,
    }
    return json.dumps(to_json(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def describe(seconds: Sequence[float]) -> dict[str, Any]:
    """Return pytest-benchmark's statistics of at least one sample, in seconds.

    Quartiles: method 2 for even and method 3 for odd numbers of samples of
    https://en.wikipedia.org/wiki/Quartile; `stddev` divides by n - 1 and is 0 for one sample;
    `outliers` counts what lies beyond one standard deviation of the mean, and beyond Tukey's fences.
    """
    ordered = sorted(seconds)
    low, high, mean = ordered[0], ordered[-1], statistics.mean(seconds)
    stddev = statistics.stdev(seconds) if len(seconds) > 1 else 0
    q1, q3 = _first_quartile(ordered), _first_quartile(ordered[::-1])
    fences = (q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1))
    beyond_stddev = _beyond(seconds, mean - stddev, mean + stddev)
    beyond_fences = _beyond(seconds, *fences)
    total = sum(seconds)
    return {
        "min": low,
        "max": high,
        "mean": mean,
        "stddev": stddev,
        "rounds": len(seconds),
        "median": statistics.median(seconds),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": beyond_fences,
        "stddev_outliers": beyond_stddev,
        "outliers": f"{beyond_stddev};{beyond_fences}",
        "ld15iqr": ordered[bisect_left(ordered, fences[0])],
        "hd15iqr": ordered[bisect_right(ordered, fences[1]) - 1],
        "ops": len(seconds) / total if total else 0,
        "total": total,
        "data": list(seconds),
        "iterations": 1,
    }


def _benchmarks(report: ReportData) -> Iterator[dict[str, Any]]:
    if "fingerprint" not in report.metrics:
        return  # a report from a file, which names no outcomes
    for fingerprint, metrics in report.metrics.groupby("fingerprint", sort=False):
        axes = {axis: value for axis, value in _first(metrics).items() if value is not None}
        figures = _figures(metrics)
        for series, seconds in report.samples(str(fingerprint)).items():
            measure, place = str(axes.get("measure", "")), _place(axes, series)
            yield {
                "group": measure,
                "name": f"{measure}[{place}]",
                "fullname": f"{measure}[{place}]",
                "params": {axis: axes.get(axis) for axis in TRIAL_AXES} | {"series": series},
                "param": place,
                "extra_info": {"run": report.run}
                | figures_under(condition_of(series, figures), figures),
                "options": {},
                "stats": describe([float(second) for second in seconds]),
            }


def _first(metrics: pd.DataFrame) -> dict[str, Any]:
    """Return the axes of the rows of one outcome, which are all the same; missing ones as None."""
    row = metrics.iloc[0]
    return {axis: to_json(row[axis]) for axis in (*TRIAL_AXES, "measure")}


def _place(axes: Mapping[str, Any], series: str) -> str:
    """Return what tells a benchmark from others of its measure: "resnet-digits-batch_64"."""
    kept = {axis: axes[axis] for axis in TRIAL_AXES if axis in axes}
    seed = kept.pop("seed", None)
    parts = [str(value) for axis, value in kept.items() if _USUAL.get(axis) != value]
    return "-".join([*parts, *([] if seed is None else [f"seed{seed:g}"]), series])


def _figures(metrics: pd.DataFrame) -> list[TimedFigure]:
    columns = (metrics[name].tolist() for name in ("name", "value", "where", "samples"))
    return [
        TimedFigure(name=name, value=value, where=json.loads(where), samples=samples)
        for name, value, where, samples in zip(*columns, strict=True)
    ]


def _machine_info(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return pytest-benchmark's facts, from what the run recorded; it records no host name."""
    system, _, machine = str(environment.get("platform", "")).partition(" ")
    cpu = str(environment.get("cpu", ""))
    python = str(environment.get("python", ""))
    return {
        "node": "",
        "processor": cpu,
        "machine": machine,
        "python_compiler": "",
        "python_implementation": "CPython",
        "python_implementation_version": python,
        "python_version": python,
        "python_build": ["", ""],
        "release": "",
        "system": system,
        "cpu": {"brand_raw": cpu, "count": environment.get("cores"), "arch_string_raw": machine},
        "libraries": environment.get("libraries", {}),
        "gpus": environment.get("gpus", []),
        "threads": environment.get("threads"),
    }


def _first_quartile(ordered: Sequence[float]) -> float:
    """Return the first quartile of sorted samples; of samples in falling order, the third."""
    count = len(ordered)
    if count == 1:
        return ordered[0]
    if count % 2 == 0:
        return statistics.median(ordered[: count // 2])
    n, rest = divmod(count, 4)
    if rest == 1:
        return 0.25 * ordered[n - 1] + 0.75 * ordered[n]
    return 0.75 * ordered[n] + 0.25 * ordered[n + 1]


def _beyond(seconds: Sequence[float], low: float, high: float) -> int:
    return sum(second < low or second > high for second in seconds)
