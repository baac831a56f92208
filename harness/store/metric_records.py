"""A metric as a row of the store's table, both ways."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from harness.measure.metric import Metric
from harness.store.format_1 import name_arrays

INSERT = (
    "INSERT INTO metrics (outcome, name, value, unit, low, high, n, exact, holds, examples, samples)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def write_metric(outcome: int, metric: Metric) -> tuple[Any, ...]:
    """Return the values that `INSERT` takes."""
    values = metric.to_json()
    return (
        outcome,
        *(values[name] for name in ("name", "value", "unit", "low", "high", "n")),
        int(values["exact"]),
        json.dumps(values["where"], separators=(",", ":")),
        json.dumps(values["examples"], separators=(",", ":")),
        values["samples"],
    )


def read_metrics(rows: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
    """Return rows, joined with their job's `axes` and `fingerprint`, with their JSON read.

    `axes` and `where` are mappings, `examples` is a tuple. Rows of format 1, which lack the names of
    arrays, get them here.
    """
    found: list[dict[str, Any]] = []
    for _, group in itertools.groupby(rows, lambda row: row["fingerprint"]):
        mine = [_read(row) for row in group]
        if any(row["examples"] is None for row in mine):
            said = [(row["name"], row["where"]) for row in mine]
            arrays = name_arrays(mine[0]["axes"].get("measure"), said)
            for row, (examples, samples) in zip(mine, arrays, strict=True):
                row |= {"examples": examples, "samples": samples}
        found += mine
    return found


def _read(row: sqlite3.Row) -> dict[str, Any]:
    values = {"examples": None, "samples": ""} | dict(row)
    examples = values["examples"]
    return values | {
        "axes": json.loads(values["axes"]),
        "where": json.loads(values.pop("holds")),
        "examples": None if examples is None else tuple(json.loads(examples)),
        "exact": bool(values["exact"]),
    }
