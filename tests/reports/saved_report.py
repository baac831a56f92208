"""Reads what the JSON format wrote: a saved report from which every other format is made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.api import DataNote
from harness.api.reporting import (
    Column,
    DatasetInfo,
    Figure,
    ModelFinding,
    Provenance,
    ReportData,
    RobustPoint,
    Row,
    ShiftPoint,
    TrainingInfo,
    TransferPoint,
    Unfinished,
)


def read_report(path: Path) -> ReportData:
    """Return the report that a JSON file holds."""
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (data.pop("format"), data.pop("format_version")) == ("model-harness report", 1)
    kinds: dict[str, Callable[[dict[str, Any]], object]] = {
        "datasets": _dataset,
        "columns": lambda fields: Column(**fields),
        "rows": _row,
        "robust": lambda fields: RobustPoint(**fields | {"accuracy": _figure(fields["accuracy"])}),
        "shifts": lambda fields: ShiftPoint(**fields | {"accuracy": _figure(fields["accuracy"])}),
        "transfers": _transfer,
        "unfinished": lambda fields: Unfinished(**fields),
        "findings": _finding,
    }
    for name, build in kinds.items():
        data[name] = tuple(build(fields) for fields in data.get(name, ()))
    data["verdicts"] = tuple(data["verdicts"])
    data["provenance"] = _provenance(data.get("provenance", {}))
    data["metrics"] = pd.DataFrame.from_records(data["metrics"])
    return ReportData(**data)


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


def _figure(fields: Mapping[str, Any]) -> Figure:
    value = fields["value"]
    return Figure(**{**fields, "value": float("nan") if value is None else value})


def _transfer(fields: dict[str, Any]) -> TransferPoint:
    rate = None if fields["rate"] is None else _figure(fields["rate"])
    return TransferPoint(**fields | {"accuracy": _figure(fields["accuracy"]), "rate": rate})


def _finding(fields: dict[str, Any]) -> ModelFinding:
    lists = {name: tuple(fields[name]) for name in ("seeds", "measures")}
    return ModelFinding(**fields | lists)


def _row(fields: dict[str, Any]) -> Row:
    figures = {key: _figure(figure) for key, figure in fields["figures"].items()}
    return Row(**fields | {"seeds": tuple(fields["seeds"]), "figures": figures})
