"""The rows of a run as text, both ways; what is read is checked, as it may come from anywhere."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.machine.environment import environment_digest
from harness.plan.tables import SUITE_NAME
from harness.store.records import STATUSES
from harness.store.run_rows import TABLES, Row, RunRows
from harness.store.schema import set_up

_SAID = ("run", *TABLES)
_RUN_STATUSES = ("completed", "interrupted", "running")
_TYPES: Mapping[str, tuple[type, ...]] = {"TEXT": (str,), "INTEGER": (int,), "REAL": (int, float)}
_FORMS = {"fingerprint": r"[0-9a-f]{64}", "suite": SUITE_NAME}
_JSON: Mapping[str, type] = {  # what a column's text must hold
    "written": dict,
    "counts": dict,
    "hardware": dict,
    "invocation": dict,
    "spec": dict,
    "needs": list,
    "axes": dict,
    "notes": dict,
    "holds": dict,
    "examples": list,
    "content": dict,
}


def rows_as_text(rows: RunRows) -> bytes:
    """Return rows as JSON: {table: {"columns": [...], "rows": [[...]]}}."""
    said = {"run": [rows.run], **rows.tables}
    return json.dumps({table: _as_columns(said[table]) for table in _SAID}).encode()


def _as_columns(rows: Sequence[Row]) -> dict[str, Any]:
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "rows": [[row[name] for name in columns] for row in rows]}


def rows_from_text(text: bytes, path: Path) -> RunRows:
    """Read rows, and check them against the tables of a store: a value of another type would be found much later.

    path: of the file that they come from, for people.

    Raises:
        UsageError: They are not as `rows_as_text` writes them.
    """
    tables = sqlite3.connect(":memory:", isolation_level=None)
    tables.row_factory = sqlite3.Row
    try:
        set_up(tables)
        said = json.loads(text)
        read = {
            name: _rows_of(tables, "runs" if name == "run" else name, said[name]) for name in _SAID
        }
        (run,) = read.pop("run")
        _check_links(run, read)
        for row in read["environments"]:
            if environment_digest(json.loads(row["content"])) != row["digest"]:
                raise ValueError("an environment is not what its digest says")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{str(path)!r} is damaged: its rows are none of a store ({error})"
        ) from error
    finally:
        tables.close()
    return RunRows(run, read)


def _rows_of(
    tables: sqlite3.Connection, table: str, said: Mapping[str, Any]
) -> list[dict[str, Any]]:
    columns = {row["name"]: row for row in tables.execute(f"PRAGMA table_info({table})")}
    rows: list[dict[str, Any]] = [
        dict(zip(said["columns"], values, strict=True)) for values in said["rows"]
    ]
    for row in rows:
        for name, column in columns.items():
            value: Any = row[name]
            if value is None and not column["notnull"] and not column["pk"]:
                continue
            text = str(value)
            if not isinstance(value, _TYPES[column["type"]]) or isinstance(value, bool):
                raise TypeError(f"{table}.{name} is {text[:40]!r}")
            if name in _JSON and not isinstance(json.loads(text), _JSON[name]):
                raise TypeError(f"{table}.{name} is {text[:40]!r}")
            if name in _FORMS and not re.fullmatch(_FORMS[name], text):
                raise ValueError(f"{table}.{name} is {text[:80]!r}")
    return rows


def _check_links(run: Row, tables: Mapping[str, Sequence[Row]]) -> None:
    """Check that rows name rows that are there, and statuses that there are."""
    jobs = {row["fingerprint"] for row in tables["jobs"]}
    outcomes = {row["id"] for row in tables["outcomes"]}
    statuses = {row["status"] for row in tables["outcomes"]}
    said = {row["fingerprint"] for name in ("run_jobs", "outcomes") for row in tables[name]}
    linked = {row["outcome"] for row in tables["run_jobs"]} - {None}
    linked.update(
        row["outcome"]
        for name in ("metrics", "circumstances", "files_read")
        for row in tables[name]
    )
    if not (said <= jobs and linked <= outcomes and len(outcomes) == len(tables["outcomes"])):
        raise ValueError("they name jobs or outcomes that are not among them")
    if not statuses <= set(STATUSES) or run["status"] not in _RUN_STATUSES:
        raise ValueError("they have a status that there is not")
