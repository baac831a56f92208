"""Reads what the JSON format wrote: a saved report from which every other format is made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.api import DataNote
from harness.api.reporting import (
    ChartData,
    ClaimPart,
    Column,
    CurveChart,
    CurvePoint,
    DatasetInfo,
    Figure,
    GridCell,
    GridChart,
    JudgedClaim,
    Limit,
    LogitLine,
    ModelFinding,
    Provenance,
    ReportData,
    Row,
    RunTimes,
    Scale,
    ScatterChart,
    ScatterPoint,
    Tie,
    TimeShare,
    Told,
    TrainingInfo,
    Unfinished,
)


def read_report(path: Path) -> ReportData:
    """Return the report that a JSON file holds."""
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (data.pop("format"), data.pop("format_version")) == ("model-harness report", 2)
    kinds: dict[str, Callable[[dict[str, Any]], object]] = {
        "datasets": _dataset,
        "columns": lambda fields: Column(**fields | {"datasets": tuple(fields["datasets"])}),
        "rows": _row,
        "charts": read_chart,
        "unfinished": lambda fields: Unfinished(**fields),
        "findings": _finding,
    }
    for name, build in kinds.items():
        data[name] = tuple(build(fields) for fields in data.get(name, ()))
    data["verdicts"] = tuple(data["verdicts"])
    data["provenance"] = _provenance(data.get("provenance", {}))
    data["claims"] = tuple(
        JudgedClaim(**one | {"parts": tuple(map(_claim_part, one["parts"]))})
        for one in data.get("claims", ())
    )
    data["ties"] = tuple(map(_tie, data.get("ties", ())))
    data["times"] = _times(data.get("times"))
    data["metrics"] = pd.DataFrame.from_records(data["metrics"])
    return ReportData(**data)


def _claim_part(fields: Mapping[str, Any]) -> ClaimPart:
    return ClaimPart(**{**fields, "tied": fields.get("tied") and _tie(fields["tied"])})


def _tie(fields: Mapping[str, Any]) -> Tie:
    return Tie(**{**fields, "rows": tuple(fields["rows"])})


def _dataset(fields: dict[str, Any]) -> DatasetInfo:
    return DatasetInfo(
        **fields | {"notes": tuple(DataNote(**one) for one in fields.get("notes", ()))}
    )


def _provenance(fields: Mapping[str, Any]) -> Provenance:
    trainings = tuple(
        TrainingInfo(**one | {"facts": tuple((name, text) for name, text in one["facts"])})
        for one in fields.get("trainings", ())
    )
    return Provenance(**{**fields, "trainings": trainings})


def _times(fields: Mapping[str, Any] | None) -> RunTimes | None:
    if fields is None:
        return None
    shares = {axis: _shares(found) for axis, found in fields["jobs"].items()}
    lists = {name: tuple(fields[name]) for name in ("chain", "advice")}
    return RunTimes(**{**fields, **lists, "wall": _shares(fields["wall"]), "jobs": shares})


def _shares(found: list[dict[str, Any]]) -> tuple[TimeShare, ...]:
    return tuple(TimeShare(**one) for one in found)


def _figure(fields: Mapping[str, Any]) -> Figure:
    value = fields["value"]
    return Figure(**{**fields, "value": float("nan") if value is None else value})


def read_chart(fields: dict[str, Any]) -> ChartData:
    """Return the chart that JSON describes."""
    scales = {name: Scale(**fields[name]) for name in ("x", "y")}
    if fields["kind"] == "curve":
        series = {
            name: tuple(
                CurvePoint(**one | {"y": _figure(one["y"])}) for one in fields.get(name, ())
            )
            for name in ("points", "fitted")
        }
        return CurveChart(**fields | scales | series)
    if fields["kind"] == "grid":
        scales |= {name: Scale(**fields[name]) for name in ("z", "value")}
        lists = {name: tuple(fields[name]) for name in ("rows", "columns", "facets")}
        cells = tuple(
            GridCell(
                **one
                | {
                    "figure": _figure(one["figure"]),
                    "beside": one["beside"] and _figure(one["beside"]),
                }
            )
            for one in fields["cells"]
        )
        beside = fields["beside"] and Scale(**fields["beside"])
        return GridChart(**fields | scales | lists | {"cells": cells, "beside": beside})
    points_ = tuple(
        ScatterPoint(
            **one
            | {name: _figure(one[name]) for name in ("x", "y")}
            | {
                "tells": tuple(
                    Told(scale=Scale(**told["scale"]), figure=_figure(told["figure"]))
                    for told in one["tells"]
                )
            }
        )
        for one in fields["points"]
    )
    limits = tuple(Limit(**one) for one in fields["limits"])
    fits = tuple(LogitLine(**one) for one in fields["fits"])
    limit_scales = fields["limit_scales"] and tuple(Scale(**one) for one in fields["limit_scales"])
    floors = tuple((name, _figure(figure)) for name, figure in fields.get("floors", ()))
    parts = {"points": points_, "limits": limits, "limit_scales": limit_scales, "floors": floors}
    parts["fits"] = fits
    return ScatterChart(**fields | scales | parts)


def _finding(fields: dict[str, Any]) -> ModelFinding:
    lists = {name: tuple(fields[name]) for name in ("seeds", "measures")}
    return ModelFinding(**fields | lists)


def _row(fields: dict[str, Any]) -> Row:
    figures = {key: _figure(figure) for key, figure in fields["figures"].items()}
    return Row(**fields | {"seeds": tuple(fields["seeds"]), "figures": figures})
