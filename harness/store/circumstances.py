"""What outcomes depended on beside their fingerprints: files that jobs read, and the state of their needs.

An outcome without a row in `circumstances` depends on its fingerprint alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from harness.store.records import FileRead, Outcome
from harness.store.schema import has_table


@dataclass(frozen=True)
class Candidate:
    """An outcome that is ok, and what it depended on. outcome: its id. See `Outcome` for the rest."""

    outcome: int
    basis: str = ""
    state: str = ""
    files: tuple[FileRead, ...] = ()


def write_circumstances(rows: sqlite3.Connection, identity: int, outcome: Outcome) -> None:
    """Keep what an outcome depended on."""
    if not outcome.state and not outcome.basis:
        return
    rows.execute(
        "INSERT INTO circumstances VALUES (?, ?, ?)", (identity, outcome.basis, outcome.state)
    )
    rows.executemany(
        "INSERT INTO files_read VALUES (?, ?, ?, ?)",
        [(identity, file.path, file.digest, file.mark) for file in outcome.files_read],
    )


def read_candidates(
    rows: sqlite3.Connection, fingerprints: Sequence[str]
) -> dict[str, list[Candidate]]:
    """Return {fingerprint: its outcomes that are ok, the latest first}; of some hundred at a time."""
    marks = ",".join("?" * len(fingerprints))
    made = rows.execute(
        f"SELECT fingerprint, id FROM outcomes WHERE status = 'ok' AND fingerprint IN ({marks})"
        " ORDER BY id DESC",
        fingerprints,
    ).fetchall()
    said: dict[int, Candidate] = {}
    if has_table(rows, "circumstances"):  # not in a store of an older version that is only read
        said = _read_circumstances(rows, [identity for _, identity in made])
    found: dict[str, list[Candidate]] = {}
    for fingerprint, identity in made:
        found.setdefault(fingerprint, []).append(said.get(identity) or Candidate(identity))
    return found


def _read_circumstances(rows: sqlite3.Connection, outcomes: Sequence[int]) -> dict[int, Candidate]:
    files: dict[int, list[FileRead]] = {}
    found: dict[int, Candidate] = {}
    for start in range(0, len(outcomes), 500):
        part = outcomes[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"SELECT outcome, basis, state FROM circumstances WHERE outcome IN ({marks})"
        kept = rows.execute(query, part).fetchall()
        if not kept:
            continue
        query = f"SELECT outcome, path, digest, mark FROM files_read WHERE outcome IN ({marks})"
        for outcome, path, digest, mark in rows.execute(query, part):
            files.setdefault(outcome, []).append(FileRead(path, digest, mark))
        for outcome, basis, state in kept:
            found[outcome] = Candidate(outcome, basis, state, tuple(files.get(outcome, ())))
    return found
