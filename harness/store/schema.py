"""The tables of a store, their format, and how they are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError
from harness.store.records import FORMAT_VERSION

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE environments (digest TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, suite TEXT NOT NULL, written TEXT NOT NULL,
    status TEXT NOT NULL, started TEXT NOT NULL, seconds REAL, counts TEXT, hardware TEXT NOT NULL,
    energy REAL, invocation TEXT);
CREATE TABLE jobs (
    fingerprint TEXT PRIMARY KEY, sort TEXT NOT NULL, label TEXT NOT NULL, spec TEXT NOT NULL,
    needs TEXT NOT NULL, axes TEXT NOT NULL, device TEXT NOT NULL, exclusive INTEGER NOT NULL,
    threads INTEGER NOT NULL);
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL REFERENCES jobs, run INTEGER NOT NULL
    REFERENCES runs, attempt INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    traceback TEXT NOT NULL, notes TEXT NOT NULL, environment TEXT REFERENCES environments,
    folder TEXT NOT NULL, started TEXT NOT NULL, seconds REAL NOT NULL, shared INTEGER NOT NULL);
CREATE INDEX outcomes_by_fingerprint ON outcomes (fingerprint, status);
CREATE TABLE metrics (
    outcome INTEGER NOT NULL REFERENCES outcomes, name TEXT NOT NULL, value REAL, unit TEXT NOT NULL,
    low REAL, high REAL, n INTEGER, exact INTEGER NOT NULL, holds TEXT NOT NULL,
    examples TEXT, samples TEXT);
CREATE INDEX metrics_by_outcome ON metrics (outcome);
CREATE TABLE run_jobs (
    run INTEGER NOT NULL REFERENCES runs, position INTEGER NOT NULL,
    fingerprint TEXT NOT NULL REFERENCES jobs, axes TEXT NOT NULL, label TEXT NOT NULL,
    outcome INTEGER REFERENCES outcomes, PRIMARY KEY (run, fingerprint));
"""
_CIRCUMSTANCES = """
CREATE TABLE IF NOT EXISTS circumstances (
    outcome INTEGER PRIMARY KEY REFERENCES outcomes, basis TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files_read (
    outcome INTEGER NOT NULL REFERENCES outcomes, path TEXT NOT NULL, digest TEXT NOT NULL,
    mark TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS files_read_by_outcome ON files_read (outcome);
"""
_ADDED = (  # since format 1
    ("runs", "energy", "REAL"),
    ("runs", "invocation", "TEXT"),
    ("metrics", "examples", "TEXT"),
    ("metrics", "samples", "TEXT"),
)


def set_up(rows: sqlite3.Connection) -> None:
    """Make the tables where there are none, and bring older ones to this format."""
    # Of SQLite's own pages of 4 KiB three jobs leave a fifth empty. A file that is there already keeps its size.
    rows.execute("PRAGMA page_size = 8192")
    rows.execute("PRAGMA journal_mode = WAL")
    rows.execute("PRAGMA synchronous = FULL")
    with transaction(rows):
        if not _has_tables(rows):
            for statement in _SCHEMA.split(";"):
                rows.execute(statement)
            rows.execute("INSERT INTO meta VALUES ('format', ?)", (str(FORMAT_VERSION),))
        elif (known := _format(rows)) is not None and known < FORMAT_VERSION:
            _migrate(rows)
        for statement in _CIRCUMSTANCES.split(";"):
            rows.execute(statement)


def _migrate(rows: sqlite3.Connection) -> None:
    """Add the columns that a table lacks; what old rows leave unsaid is said when they are read."""
    for table, column, type_ in _ADDED:
        if not any(row["name"] == column for row in rows.execute(f"PRAGMA table_info({table})")):
            rows.execute(f"ALTER TABLE {table} ADD COLUMN {column} {type_}")
    rows.execute("UPDATE meta SET value = ? WHERE name = 'format'", (str(FORMAT_VERSION),))


def check_format(rows: sqlite3.Connection, folder: Path) -> None:
    """Check that the tables are ones that this program can read.

    Raises:
        StoreError: They are of another program, or of a newer format.
    """
    if not _has_tables(rows):
        raise StoreError(f"{folder / 'store.sqlite'} is no store of this program")
    known = _format(rows)
    if known is None:
        raise StoreError(f"{folder / 'store.sqlite'} does not say which format it has")
    if known > FORMAT_VERSION:
        raise StoreError(
            f"the store {str(folder)!r} has format {known}, newer than this "
            f"program's {FORMAT_VERSION}; update model-harness, or use another --store"
        )


@contextmanager
def transaction(rows: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing; IMMEDIATE, as a read that turns into a write can lock for ever."""
    rows.execute("BEGIN IMMEDIATE")
    try:
        yield
        rows.execute("COMMIT")
    finally:
        if rows.in_transaction:  # SQLite rolls back by itself where the disk is full
            rows.execute("ROLLBACK")


def _format(rows: sqlite3.Connection) -> int | None:
    row = rows.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    return int(row["value"]) if row is not None and row["value"].isdigit() else None


def has_table(rows: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of a name."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return rows.execute(query, (name,)).fetchone() is not None


def _has_tables(rows: sqlite3.Connection) -> bool:
    return has_table(rows, "meta")
