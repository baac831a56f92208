"""What is read of a store: its runs, their jobs and outcomes, and what earlier attempts took and gave."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import UsageError, nearest
from harness.store.circumstances import Candidate, read_candidates
from harness.store.disk import explained
from harness.store.metric_records import read_metrics
from harness.store.run_rows import (
    Figures,
    Row,
    RunRows,
    find_run,
    read_figures,
    read_run_rows,
    unknown_outcomes,
)

_Value = TypeVar("_Value")

_LATEST = (
    "SELECT jobs.*, outcomes.folder, outcomes.status, outcomes.reason, outcomes.traceback FROM jobs"
    " LEFT JOIN outcomes ON outcomes.id ="
    " (SELECT MAX(id) FROM outcomes WHERE outcomes.fingerprint = jobs.fingerprint)"
)  # each job with its latest outcome


class StoredRows:
    """The rows of a store; nothing here writes. All methods raise StoreError where the store fails.

    folder: of the store; `_rows` is the connection to its database.
    """

    folder: Path
    _rows: sqlite3.Connection

    # -- runs

    def run_row(self, name: str | None = None) -> sqlite3.Row:
        """Return a run by name or number; the latest one for None.

        Raises:
            UsageError: There is none.
        """
        with explained(self.folder):
            rows = self._rows.execute("SELECT * FROM runs ORDER BY id").fetchall()
        if not rows:
            raise UsageError(f"the store {str(self.folder)!r} has no run yet; `harness run quick`")
        if name is None:
            return rows[-1]  # type: ignore[no-any-return]
        for row in rows:
            if name in (row["name"], str(row["id"])):
                return row  # type: ignore[no-any-return]
        raise UsageError(f"no run is named {name!r}{nearest(name, [r['name'] for r in rows])}")

    def runs(self) -> list[sqlite3.Row]:
        """Return all runs, oldest first."""
        with explained(self.folder):
            return self._rows.execute("SELECT * FROM runs ORDER BY id").fetchall()

    def run_rows(self, run: int) -> RunRows:
        """Return a run, by its id, with all that belongs to it."""
        with explained(self.folder):
            return read_run_rows(self._rows, run)

    def find_run(self, one: RunRows) -> int | None:
        """Return the id that a run of another store has here, where a copy of it is."""
        with explained(self.folder):
            return find_run(self._rows, one)

    # -- outcomes

    def unknown_outcomes(self, one: RunRows) -> list[Row]:
        """Return the outcomes of a run of another store that are not here."""
        with explained(self.folder):
            return unknown_outcomes(self._rows, one)

    def figures(self, fingerprints: Iterable[str]) -> Figures:
        """Return the figures of the latest outcomes of jobs that are ok."""
        with explained(self.folder):
            return read_figures(self._rows, sorted(fingerprints))

    def finished(self, fingerprints: Iterable[str]) -> dict[str, int]:
        """Return {fingerprint: outcome id} of those that have an outcome that is ok; the latest."""
        found: dict[str, int] = {}
        with explained(self.folder):
            for part in _chunks(list(fingerprints), 500):
                marks = ",".join("?" * len(part))
                found.update(
                    self._rows.execute(
                        "SELECT fingerprint, MAX(id) FROM outcomes WHERE status = 'ok'"
                        f" AND fingerprint IN ({marks}) GROUP BY fingerprint",
                        part,
                    ).fetchall()
                )
        return found

    def candidates(self, fingerprints: Iterable[str]) -> dict[str, list[Candidate]]:
        """Return {fingerprint: its outcomes that are ok, the latest first} of those that have one."""
        found: dict[str, list[Candidate]] = {}
        with explained(self.folder):
            for part in _chunks(list(fingerprints), 500):
                found.update(read_candidates(self._rows, part))
        return found

    def latest_outcome(self) -> int:
        """Return the id of the latest outcome; 0 where there is none."""
        with explained(self.folder):
            return int(
                self._rows.execute("SELECT COALESCE(MAX(id), 0) FROM outcomes").fetchone()[0]
            )

    def folders_of(self, outcomes: Iterable[int]) -> dict[int, Path]:
        """Return {outcome id: the folder of its artifacts}."""
        found: dict[int, Path] = {}
        with explained(self.folder):
            for part in _chunks(list(outcomes), 500):
                marks = ",".join("?" * len(part))
                rows = self._rows.execute(
                    f"SELECT id, folder FROM outcomes WHERE id IN ({marks})", part
                )
                found.update((row["id"], self.folder / row["folder"]) for row in rows)
        return found

    # -- what earlier attempts took and gave

    def repeated_figures(self, units: Sequence[str]) -> list[tuple[str, str, float]]:
        """Return (metric, what it is of, value > 0) of figures in some units, from all attempts.

        Only jobs that ran alone count; their fingerprints cover the machine.
        """
        marks = ",".join("?" * len(units))
        with explained(self.folder):
            rows = self._rows.execute(
                "SELECT metrics.name, metrics.value, metrics.holds, outcomes.fingerprint"
                " FROM metrics JOIN outcomes ON outcomes.id = metrics.outcome"
                " JOIN jobs USING (fingerprint) WHERE outcomes.status = 'ok' AND jobs.exclusive"
                f" AND metrics.value > 0 AND metrics.unit IN ({marks})",
                tuple(units),
            ).fetchall()
        found = []
        for row in rows:
            holds = json.loads(row["holds"])
            holds.pop("flag", None)  # it differs between attempts at the same thing
            key = json.dumps([row["fingerprint"], holds], sort_keys=True)
            found.append((row["name"], key, row["value"]))
        return found

    def durations(self) -> dict[str, float]:
        """Return the latest seconds of each job that was ok, by its label: for estimates."""
        with explained(self.folder):
            rows = self._rows.execute(
                "SELECT jobs.label, outcomes.seconds FROM outcomes JOIN jobs USING (fingerprint)"
                " WHERE status = 'ok' ORDER BY outcomes.id"
            ).fetchall()
        return {row["label"]: row["seconds"] for row in rows}

    def lengths(self) -> dict[str, tuple[int, int]]:
        """Return (epochs planned, epochs by default) of the latest fit of each label that was ok, for estimates."""
        with explained(self.folder):
            rows = self._rows.execute(
                "SELECT jobs.label, json_extract(outcomes.notes, '$.planned_epochs') AS planned,"
                " json_extract(outcomes.notes, '$.default_epochs') AS by_default"
                " FROM outcomes JOIN jobs USING (fingerprint)"
                " WHERE jobs.sort = 'fit' AND status = 'ok' ORDER BY outcomes.id"
            ).fetchall()
        return {
            row["label"]: (row["planned"], row["by_default"])
            for row in rows
            if row["planned"] and row["by_default"]
        }

    # -- one run, one job

    def run_outcomes(self, run: int) -> list[sqlite3.Row]:
        """Return a row for each job of a run, with its outcome's columns (NULL where none)."""
        with explained(self.folder):
            return self._rows.execute(
                "SELECT run_jobs.fingerprint, run_jobs.label, jobs.sort, run_jobs.axes,"
                " jobs.spec, jobs.needs, jobs.exclusive, jobs.threads, outcomes.id AS outcome, outcomes.status,"
                " outcomes.reason, outcomes.traceback, outcomes.notes, outcomes.folder,"
                " outcomes.started, outcomes.seconds, outcomes.shared, outcomes.run AS made_by,"
                " outcomes.environment, run_jobs.position"
                " FROM run_jobs JOIN jobs USING (fingerprint)"
                " LEFT JOIN outcomes ON outcomes.id = run_jobs.outcome"
                " WHERE run_jobs.run = ? ORDER BY position",
                (run,),
            ).fetchall()

    def run_metrics(self, run: int) -> list[dict[str, Any]]:
        """Return the metrics of a run's outcomes, in the order of its jobs.

        Keys: name, value, unit, low, high, n, exact, where, examples, samples, and of the job its axes
        and fingerprint.
        """
        with explained(self.folder):
            rows = self._rows.execute(
                "SELECT metrics.*, run_jobs.axes, run_jobs.fingerprint FROM run_jobs"
                " JOIN metrics ON metrics.outcome = run_jobs.outcome"
                " WHERE run_jobs.run = ? ORDER BY run_jobs.position, metrics.rowid",
                (run,),
            ).fetchall()
        return read_metrics(rows)

    def environment(self, digest: str | None) -> dict[str, Any]:
        """Return an environment by its digest."""
        with explained(self.folder):
            row = self._rows.execute(
                "SELECT content FROM environments WHERE digest = ?", (digest,)
            ).fetchone()
        return json.loads(row["content"]) if row else {}

    def find_jobs(self, text: str) -> list[sqlite3.Row]:
        """Return the jobs whose labels a glob with * or ? matches, each with its latest outcome; else the job of a
        name, as `find_job` does.

        Raises:
            UsageError: None match, or a name that is no glob matches several.
        """
        if not set(text) & set("*?"):
            return [self.find_job(text)]
        with explained(self.folder):
            rows = self._rows.execute(f"{_LATEST} ORDER BY outcomes.id, jobs.label").fetchall()
        pattern = text.replace("[", "[[]")  # of options: no sets of letters
        latest = {row["label"]: row for row in rows if fnmatchcase(row["label"], pattern)}
        if not latest:
            near = nearest(text.replace("*", "").replace("?", ""), (row["label"] for row in rows))
            raise UsageError(f"no job's label matches {text!r}{near}")
        return list(latest.values())

    def find_job(self, text: str) -> sqlite3.Row:
        """Return a job by its label, or by the start of its fingerprint, with its latest outcome.

        Raises:
            UsageError: None or several match.
        """
        with explained(self.folder):
            rows = self._rows.execute(
                f"{_LATEST} WHERE jobs.label = ? OR (length(?) >= 4 AND jobs.fingerprint LIKE ? || '%')"
                " ORDER BY outcomes.id DESC",
                (text, text, text.replace("%", "").replace("_", "")),
            ).fetchall()
            if not rows:
                labels = [r["label"] for r in self._rows.execute("SELECT label FROM jobs")]
                raise UsageError(f"no job is named {text!r}{nearest(text, labels)}")
        if len({row["fingerprint"] for row in rows}) > 1 and rows[0]["label"] != text:
            raise UsageError(f"{text!r} is the start of {len(rows)} fingerprints; give more of it")
        return rows[0]  # type: ignore[no-any-return]


def _chunks(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
