"""One run with all that belongs to it, as plain rows: on its way from one store to another.

An outcome is known by its job and its folder, whose name no other attempt has; one without a folder (a job that was left
out or waited in vain) by its job, its status, its time and its reason.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.store.schema import has_table

Row = Mapping[str, Any]  # {column: value}, as the database has it
Figures = Mapping[
    tuple[str, str, str], float | None
]  # {(fingerprint, metric, where it holds): value}
ELSEWHERE = 0
"""In the place of the run that made an outcome: one that was not taken along."""

_MINE = (
    "(SELECT outcome FROM run_jobs WHERE run = :run AND outcome IS NOT NULL"
    " UNION SELECT id FROM outcomes WHERE run = :run)"
)
_READ = {
    "run_jobs": "SELECT * FROM run_jobs WHERE run = :run ORDER BY position",
    "jobs": "SELECT * FROM jobs WHERE fingerprint IN"
    " (SELECT fingerprint FROM run_jobs WHERE run = :run) ORDER BY rowid",
    "environments": "SELECT * FROM environments WHERE digest IN"
    f" (SELECT environment FROM outcomes WHERE id IN {_MINE}) ORDER BY rowid",
    "outcomes": f"SELECT * FROM outcomes WHERE id IN {_MINE} ORDER BY id",
    "metrics": f"SELECT * FROM metrics WHERE outcome IN {_MINE} ORDER BY rowid",
    "circumstances": f"SELECT * FROM circumstances WHERE outcome IN {_MINE} ORDER BY outcome",
    "files_read": f"SELECT * FROM files_read WHERE outcome IN {_MINE} ORDER BY rowid",
}
TABLES = tuple(_READ)


@dataclass(frozen=True)
class RunRows:
    """A run and its rows.

    run: the row of `runs`; its `id`, and those of outcomes, are of the store that it comes from.
    tables: {one of TABLES: its rows}: the jobs of the run with the outcomes that it used and those that it made.
    """

    run: Row
    tables: Mapping[str, Sequence[Row]]

    @property
    def identity(self) -> str:
        """A digest that only copies of one run share, whatever they are called."""
        folders = {row["id"]: row["folder"] for row in self.tables["outcomes"]}
        jobs = sorted(
            [row["fingerprint"], folders.get(row["outcome"], "")] for row in self.tables["run_jobs"]
        )
        said = [self.run[name] for name in ("suite", "written", "started", "hardware")]
        return hashlib.sha256(json.dumps([said, jobs]).encode()).hexdigest()


def read_run_rows(rows: sqlite3.Connection, run: int) -> RunRows:
    """Read a run by its id."""
    found = rows.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    return RunRows(
        dict(found),
        {
            table: [dict(row) for row in rows.execute(query, {"run": run})]
            if has_table(rows, table)  # a store of an older version that is only read
            else []
            for table, query in _READ.items()
        },
    )


def find_run(rows: sqlite3.Connection, one: RunRows) -> int | None:
    """Return the id that a run has in a store that holds a copy of it already."""
    query = "SELECT id FROM runs WHERE suite = ? AND started = ?"
    alike = rows.execute(query, (one.run["suite"], one.run["started"])).fetchall()
    identity = one.identity
    return next(
        (row["id"] for row in alike if read_run_rows(rows, row["id"]).identity == identity), None
    )


def unknown_outcomes(rows: sqlite3.Connection, one: RunRows) -> list[Row]:
    """Return the outcomes of a run that a store does not hold."""
    known = _known(rows, one)
    return [row for row in one.tables["outcomes"] if _key(row) not in known]


def write_run_rows(
    rows: sqlite3.Connection, one: RunRows, made_by: Mapping[int, int], status: str
) -> tuple[int, str]:
    """Add a run, inside of a transaction; return the id and the name that it has here.

    made_by: {id of a run there: its id here} of runs that were taken over before.
    """
    number = rows.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM runs").fetchone()[0]
    name = f"{one.run['suite']}-{number:04d}"
    made_by = {**made_by, one.run["id"]: number}
    _insert(rows, "runs", [{**one.run, "id": number, "name": name, "status": status}])
    for table in ("jobs", "environments"):
        _insert(rows, table, one.tables[table], verb="INSERT OR IGNORE")
    here = _known(rows, one)
    new = [row for row in one.tables["outcomes"] if _key(row) not in here]
    for row in new:
        query = "SELECT COUNT(*) + 1 FROM outcomes WHERE fingerprint = ?"
        attempt = rows.execute(query, (row["fingerprint"],)).fetchone()[0]
        maker = made_by.get(row["run"], ELSEWHERE)
        _insert(rows, "outcomes", [{**row, "id": None, "run": maker, "attempt": attempt}])
        here[_key(row)] = rows.execute("SELECT last_insert_rowid()").fetchone()[0]
    ids = {row["id"]: here[_key(row)] for row in one.tables["outcomes"]}
    added = {row["id"] for row in new}
    for table in ("metrics", "circumstances", "files_read"):
        mine = [row for row in one.tables[table] if row["outcome"] in added]
        _insert(rows, table, [{**row, "outcome": ids[row["outcome"]]} for row in mine])
    linked = [
        {**row, "run": number, "outcome": ids.get(row["outcome"])} for row in one.tables["run_jobs"]
    ]
    _insert(rows, "run_jobs", linked)
    return number, name


def read_figures(rows: sqlite3.Connection, fingerprints: Sequence[str]) -> Figures:
    """Return the figures of the latest outcomes of jobs that are ok."""
    found: dict[tuple[str, str, str], float | None] = {}
    for start in range(0, len(fingerprints), 500):
        part = fingerprints[start : start + 500]
        marks = ",".join("?" * len(part))
        query = (
            "SELECT fingerprint, name, holds, value FROM metrics JOIN outcomes ON outcomes.id = metrics.outcome"
            f" WHERE status = 'ok' AND fingerprint IN ({marks}) ORDER BY outcomes.id"
        )
        for row in rows.execute(query, part):
            found[row["fingerprint"], row["name"], row["holds"]] = row["value"]
    return found


def _known(rows: sqlite3.Connection, one: RunRows) -> dict[tuple[str, ...], int]:
    """Return {key: id here} of the outcomes that a store holds of a run's jobs."""
    fingerprints = [row["fingerprint"] for row in one.tables["jobs"]]
    found: dict[tuple[str, ...], int] = {}
    for start in range(0, len(fingerprints), 500):
        part = fingerprints[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT * FROM outcomes WHERE fingerprint IN ({marks})"
        found.update((_key(row), row["id"]) for row in rows.execute(query, part))
    return found


def _key(row: Row | sqlite3.Row) -> tuple[str, ...]:
    if row["folder"]:  # a job that fails for all seeds alike has the first one's
        return (row["fingerprint"], row["folder"])
    return (row["fingerprint"], row["status"], row["started"], row["reason"])


def _insert(
    rows: sqlite3.Connection, table: str, new: Sequence[Row], *, verb: str = "INSERT"
) -> None:
    """Insert what rows have of a table's columns; those that an older store lacks stay NULL."""
    if not new:
        return
    known = [row["name"] for row in rows.execute(f"PRAGMA table_info({table})")]
    columns = [name for name in known if name in new[0]]
    marks = ",".join("?" * len(columns))
    rows.executemany(
        f"{verb} INTO {table} ({','.join(columns)}) VALUES ({marks})",
        [[row[name] for name in columns] for row in new],
    )
