"""The store: SQLite rows and artifact files in one folder.

    runs/store.sqlite                       rows, in WAL mode
    runs/jobs/<fingerprint>/<attempt>/      what a job wrote: log.txt, arrays, checkpoints
    runs/<run>/                             reports of a run
    runs/claims                             byte-range locks: which jobs are being run, by whom

An outcome's files are on disk before its row is committed, and its row is committed before anybody
hears of it; so a kill at any moment loses no finished job. Rows are only ever added.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from harness.errors import StoreError
from harness.machine.environment import environment_digest
from harness.plan.jobs import Plan
from harness.store.circumstances import write_circumstances
from harness.store.disk import connect, explained, is_full, says_full, sync
from harness.store.job_locks import JobLocks
from harness.store.metric_records import INSERT, write_metric
from harness.store.records import KEPT, Outcome, now
from harness.store.run_rows import RunRows, write_run_rows
from harness.store.schema import check_format, set_up, transaction
from harness.store.stored_rows import StoredRows


class Store(StoredRows):
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

    def goes_on(self, run: int) -> bool:
        """Whether a process of this machine does a run; its row alone may say so of one that was killed."""
        with explained(self.folder):
            self._claims.look()
            return self._claims.claimant_of_run(run) is not None

    def add_run(self, one: RunRows, made_by: Mapping[int, int], status: str) -> tuple[int, str]:
        """Record a run of another store, all or nothing; return its id and its name here.

        made_by: {id of a run there: its id here}. The files of its outcomes are here already.
        """
        with explained(self.folder), transaction(self._rows):
            return write_run_rows(self._rows, one, made_by, status)

    # -- jobs and outcomes

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
            sync([self.folder / outcome.folder for outcome in outcomes if outcome.folder])
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

    def new_attempt(self, fingerprint: str, *, fresh: bool = False) -> Path:
        """Make a folder for an attempt at a job that is claimed: empty, but for how far a killed one has come.

        What killed attempts have left there goes: nobody else may write, and no outcome has it. fresh: begin anew.
        """
        with explained(self.folder):
            parent = self.folder / "jobs" / fingerprint
            if parent.is_dir():
                rows = self._rows.execute(
                    "SELECT folder FROM outcomes WHERE fingerprint = ?", (fingerprint,)
                )
                known = {os.path.basename(row["folder"]) for row in rows}
                # Names as text: a job may have many attempts, and objects of paths are slow.
                names = os.listdir(parent)
                places = (os.path.join(parent, name, KEPT) for name in names)
                for place in sorted(filter(os.path.exists, places), key=os.path.getmtime):
                    os.replace(place, parent / KEPT)  # the latest stays
                for name in names:
                    if name not in known and name != KEPT:
                        self.discard(parent / name)
            folder = parent / uuid.uuid4().hex[:12]
            folder.mkdir(parents=True)
            if (kept := parent / KEPT).is_file():
                kept.unlink() if fresh else kept.replace(folder / KEPT)
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
        """Remove the folder of an attempt that came to nothing, but for how far it has come."""
        with contextlib.suppress(FileNotFoundError):
            (folder / KEPT).replace(folder.parent / KEPT)
        shutil.rmtree(folder, ignore_errors=True)

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
