"""Rows of a run and of its table, with what most tests of them leave as it is."""

from __future__ import annotations

from typing import Any

from harness.store.run_data import JobRow
from harness.summary.report_data import Row


def job_row(sort: str, **fields: Any) -> JobRow:
    """Return a job that ended ok after a second, but for the fields that are given."""
    usual: dict[str, Any] = {
        "fingerprint": "",
        "label": "",
        "axes": {},
        "spec": {},
        "notes": {},
        "status": "ok",
        "reason": "",
        "seconds": 1.0,
        "environment": None,
        "folder": None,
        "exclusive": False,
        "shared": False,
        "cached": False,
    }
    return JobRow(sort=sort, **(usual | fields))


def table_row(architecture: str, **fields: Any) -> Row:
    """Return a row of one seed of a model on digits, without figures, but for the fields that are given."""
    usual: dict[str, Any] = {
        "dataset": "digits",
        "recipe": "plain",
        "precision": "fp32",
        "device": "cpu",
        "series": architecture,
        "seeds": (0,),
        "group": "",
        "rank": "",
        "figures": {},
    }
    return Row(architecture=architecture, **(usual | fields))
