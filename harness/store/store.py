"""The store: SQLite rows and artifact files in one folder.

    runs/store.sqlite                       rows, in WAL mode
    runs/jobs/<fingerprint>/<attempt>/      what a job wrote: log.txt, arrays, checkpoints
    runs/<run>/                             reports of a run
    runs/claims                             byte-range locks: which jobs are being run, by whom

An outcome's files are on disk before its row is committed, and its row is committed before anybody
hears of it; so a kill at any moment loses no finished job. Rows are only ever added.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from harness.errors import StoreError, UsageError, nearest
from harness.machine.environment import environment_digest
from harness.plan.jobs import Plan
from harness.store.circumstances import Candidate, read_candidates, write_circumstances
from harness.store.disk import connect, explained, is_full, says_full, sync
from harness.store.job_locks import JobLocks
from harness.store.metric_records import INSERT, read_metrics, write_metric
from harness.store.records import Outcome, now
from harness.store.schema import check_format, set_up, transaction

_Value = TypeVar("_Value")


class Store:
    """One folder of results. Several processes may use it at once."""

    def __init__(self, folder: Path | str, *, create: bool = True) -> None:
        """Open or make a store.

        Raises:
            StoreError: It is not there, cannot be written, is damaged, or of a newer format.
        """
        self.folder = Path(folder)
        self._claims = JobLocks(self.folder / "claims")
        path = self.folder / "store.sqlite"
        if not create and not os.path.exists(path):
            raise StoreError(
                f"there is no store in {str(self.folder)!r}; `harness run` makes one, and --store "
                "DIR names another"
            )
        with explained(self.folder):
            if create:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._rows = connect(path, create=create)
            try:
                if create:
                    with self._claims.set_up():  # one process makes the tables, others wait for it
                        set_up(self._rows)
                check_format(self._rows, self.folder)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection and give up all claims."""
        self._rows.close()
        self._claims.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- runs

    def start_run(
        self, plan: Plan, written: Mapping[str, Any], invocation: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Record a run and its jobs; return its id and name, such as "quick-0007".

        written: the suite's tables. invocation: of `harness.machine.invocation`.

        A run that was killed is known by the lock that its process no longer holds.
        """
        self._note_killed()
        with explained(self.folder), transaction(self._rows):
            number = self._rows.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM runs").fetchone()[0]
            name = f"{plan.suite}-{number:04d}"
            self._rows.execute(
                "INSERT INTO runs (id, name, suite, written, status, started, hardware, invocation)"
                " VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
                (
                    number,
                    name,
                    plan.suite,
                    _json(written),
                    now(),
                    _json(plan.hardware),
                    _json(invocation or {}),
                ),
            )
            self._rows.executemany(
                "INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        job.fingerprint,
                        job.sort,
                        job.label,
                        _json(job.spec),
                        _json(job.needs),
                        _json(job.axes),
                        job.device,
                        int(job.exclusive),
                        job.threads,
                    )
                    for job in plan.jobs
                ),
            )
            self._rows.executemany(
                "INSERT INTO run_jobs VALUES (?, ?, ?, ?, ?, NULL)",
                (
                    (number, position, job.fingerprint, _json(job.axes), job.label)
                    for position, job in enumerate(plan.jobs)
                ),
            )
            self._claims.claim_run(number)
        return number, name

    def _note_killed(self) -> None:
        """Record as interrupted the runs that say that they go on, and whose process is gone."""
        with explained(self.folder):
            rows = self._rows.execute("SELECT id FROM runs WHERE status = 'running'").fetchall()
            gone = [row["id"] for row in rows if self._claims.claim_run(row["id"])]
            if gone:
                with transaction(self._rows):
                    self._rows.executemany(
                        "UPDATE runs SET status = 'interrupted' WHERE id = ?", [(n,) for n in gone]
                    )
            for number in gone:
                self._claims.release_run(number)

    def finish_run(
        self,
        run: int,
        status: str,
        seconds: float,
        counts: Mapping[str, int],
        energy: float | None = None,
    ) -> None:
        """Record how a run ended: "completed" or "interrupted". energy: joules; None where unknown."""
        with explained(self.folder), transaction(self._rows):
            self._rows.execute(
                "UPDATE runs SET status = ?, seconds = ?, counts = ?, energy = ? WHERE id = ?",
                (status, seconds, _json(counts), energy, run),
            )
        self._claims.release_run(run)

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

    # -- jobs and outcomes

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

    def link(self, run: int, outcomes: Mapping[str, int]) -> None:
        """Record that a run uses outcomes that are there already."""
        with explained(self.folder), transaction(self._rows):
            self._rows.executemany(
                "UPDATE run_jobs SET outcome = ? WHERE run = ? AND fingerprint = ?",
                [(outcome, run, fingerprint) for fingerprint, outcome in outcomes.items()],
            )

    def add_outcome(self, run: int, outcome: Outcome) -> None:
        """Record an outcome; when this returns it is durable, its files too."""
        self.add_outcomes(run, [outcome])

    def add_outcomes(self, run: int, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, all or none of them."""
        with explained(self.folder):
            for outcome in outcomes:
                if outcome.folder:
                    sync(self.folder / outcome.folder)
            with transaction(self._rows):
                for outcome in outcomes:
                    self._insert(run, outcome)

    def _insert(self, run: int, outcome: Outcome) -> None:
        environment = None
        if outcome.environment:
            environment = environment_digest(outcome.environment)
            self._rows.execute(
                "INSERT OR IGNORE INTO environments VALUES (?, ?)",
                (environment, _json(outcome.environment)),
            )
        cursor = self._rows.execute(
            "INSERT INTO outcomes (fingerprint, run, attempt, status, reason, traceback,"
            " notes, environment, folder, started, seconds, shared) VALUES (?, ?, (SELECT"
            " COUNT(*) + 1 FROM outcomes WHERE fingerprint = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                outcome.fingerprint,
                run,
                outcome.fingerprint,
                outcome.status,
                outcome.reason,
                outcome.traceback,
                _json(outcome.notes),
                environment,
                outcome.folder,
                outcome.started,
                outcome.seconds,
                int(outcome.shared),
            ),
        )
        identity = int(cursor.lastrowid or 0)
        write_circumstances(self._rows, identity, outcome)
        self._rows.executemany(
            INSERT,
            [write_metric(identity, metric) for metric in outcome.metrics],
        )
        self._rows.execute(
            "UPDATE run_jobs SET outcome = ? WHERE run = ? AND fingerprint = ?",
            (identity, run, outcome.fingerprint),
        )

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

    def new_attempt(self, fingerprint: str) -> Path:
        """Make an empty folder for an attempt at a job that is claimed.

        What killed attempts have left there goes: nobody else may write, and no outcome has it.
        """
        with explained(self.folder):
            parent = self.folder / "jobs" / fingerprint
            if parent.is_dir():
                rows = self._rows.execute(
                    "SELECT folder FROM outcomes WHERE fingerprint = ?", (fingerprint,)
                )
                kept = {Path(row["folder"]).name for row in rows}
                for left in parent.iterdir():
                    if left.name not in kept:
                        self.discard(left)
            folder = parent / uuid.uuid4().hex[:12]
            folder.mkdir(parents=True)
        return folder

    def check_space(self, reason: str = "") -> None:
        """Stop where the disk is full: a job that failed for that has not failed by itself.

        Raises:
            StoreError: The disk is full, or a job's reason says that it was.
        """
        with explained(self.folder):
            if is_full(self.folder) or says_full(reason):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def discard(self, folder: Path) -> None:
        """Remove the folder of an attempt that came to nothing."""
        shutil.rmtree(folder, ignore_errors=True)

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

    def run_outcomes(self, run: int) -> list[sqlite3.Row]:
        """Return a row for each job of a run, with its outcome's columns (NULL where none)."""
        with explained(self.folder):
            return self._rows.execute(
                "SELECT run_jobs.fingerprint, run_jobs.label, jobs.sort, run_jobs.axes,"
                " jobs.spec, jobs.exclusive, jobs.threads, outcomes.id AS outcome, outcomes.status,"
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

    def find_job(self, text: str) -> sqlite3.Row:
        """Return a job by its label, or by the start of its fingerprint, with its latest outcome.

        Raises:
            UsageError: None or several match.
        """
        with explained(self.folder):
            rows = self._rows.execute(
                "SELECT jobs.*, outcomes.folder, outcomes.status, outcomes.reason,"
                " outcomes.traceback FROM jobs LEFT JOIN outcomes ON outcomes.id = (SELECT MAX(id)"
                " FROM outcomes WHERE outcomes.fingerprint = jobs.fingerprint)"
                " WHERE jobs.label = ? OR (length(?) >= 4 AND jobs.fingerprint LIKE ? || '%')"
                " ORDER BY outcomes.id DESC",
                (text, text, text.replace("%", "").replace("_", "")),
            ).fetchall()
            if not rows:
                labels = [r["label"] for r in self._rows.execute("SELECT label FROM jobs")]
                raise UsageError(f"no job is named {text!r}{nearest(text, labels)}")
        if len({row["fingerprint"] for row in rows}) > 1 and rows[0]["label"] != text:
            raise UsageError(f"{text!r} is the start of {len(rows)} fingerprints; give more of it")
        return rows[0]  # type: ignore[no-any-return]

    # -- claims

    def claim(self, fingerprint: str) -> bool:
        """Claim a job for this process; False while another process runs it.

        The claim is a lock on one byte of a file: it vanishes with the process, however that ends.
        """
        with explained(self.folder):
            return self._claims.claim(fingerprint)

    def claimant(self, fingerprint: str) -> str:
        """Return who has claimed a job, in words: "small-0002 (process 77)"."""
        process = self._claims.claimant(fingerprint)
        if process is None:
            return "another run of this store"
        with explained(self.folder):
            running = self._rows.execute(
                "SELECT id, name FROM runs WHERE status = 'running' ORDER BY id DESC"
            ).fetchall()
        for row in running:
            if self._claims.claimant_of_run(row["id"]) == process:
                return f"{row['name']} (process {process})"
        return f"process {process}"

    def release(self, fingerprint: str) -> None:
        """Give a claim up."""
        self._claims.release(fingerprint)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _chunks(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
