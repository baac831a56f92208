"""A run read back from the store: its jobs, metrics and per-example arrays."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import UsageError
from harness.measure.context import EXAMPLES, TIME_BLOCK, TIME_PLACES
from harness.measure.metric import split_name
from harness.measure.time_blocks import InTime
from harness.plan.axes import JOB_AXES, ROW_AXES
from harness.store.records import SKIPPED, TIME_BUDGET
from harness.store.store import Store

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class JobRow:
    """A job of a run, with what became of it; status is "" where it has not run.

    started: when its process was asked for, ISO 8601, UTC. seconds: in its process; of jobs that shared one, each its part.
    needs: fingerprints of the jobs whose files it takes.
    """

    fingerprint: str
    sort: str
    label: str
    axes: Mapping[str, Any]
    spec: Mapping[str, Any]
    status: str
    reason: str
    seconds: float
    exclusive: bool
    shared: bool
    cached: bool
    folder: Path | None
    notes: Mapping[str, Any]
    environment: str | None
    started: str = ""
    needs: tuple[str, ...] = ()

    @property
    def out_of_time(self) -> bool:
        """Whether it was left out for the time budget of its run."""
        return self.status == SKIPPED and TIME_BUDGET in self.reason


@dataclass(frozen=True)
class RunData:
    """Everything that a store holds about one run.

    environment: of the job that ended last. environments: of all, by digest.
    """

    name: str
    suite: str
    status: str
    started: str
    seconds: float
    energy: float | None
    counts: Mapping[str, int]
    written: Mapping[str, Any]
    invocation: Mapping[str, str]
    store: Path
    jobs: tuple[JobRow, ...]
    metrics: pd.DataFrame
    environment: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store, run: str | None = None) -> RunData:
        """Read a run by its name; the latest for None."""
        row = store.run_row(run)
        jobs = tuple(_job(store, row["id"], found) for found in store.run_outcomes(row["id"]))
        digests = [job.environment for job in jobs if job.environment]
        counts = json.loads(row["counts"]) if row["counts"] else _count(jobs)
        return cls(
            name=row["name"],
            suite=row["suite"],
            status=row["status"],
            started=row["started"],
            seconds=row["seconds"] or 0.0,
            energy=_column(row, "energy"),
            counts=counts,
            written=json.loads(row["written"]),
            invocation=json.loads((_column(row, "invocation")) or "{}"),
            store=store.folder,
            jobs=jobs,
            metrics=metrics_frame(store, row["id"], row["name"]),
            environment=store.environment(digests[-1]) if digests else {},
            environments={digest: store.environment(digest) for digest in dict.fromkeys(digests)},
        )

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """One row a job: label, sort, status, reason, seconds and its axes."""
        return pd.DataFrame(
            [
                {
                    "job": job.label,
                    "sort": job.sort,
                    "status": job.status or "not run",
                    "reason": job.reason,
                    "seconds": job.seconds,
                    "cached": job.cached,
                    **{axis: job.axes.get(axis) for axis in JOB_AXES},
                    "fingerprint": job.fingerprint,
                }
                for job in self.jobs
            ]
        )


def metrics_frame(store: Store, run: int, name: str) -> pd.DataFrame:
    """Return the tidy table of a run: one row a metric.

    Columns: run, the JOB_AXES, name, value, unit, low, high, n, exact, then one for each key that a
    metric holds for (batch_size, epsilon, shift ...), `where` (the same as JSON text), `examples` (the
    arrays behind it, as JSON text), `samples` and fingerprint. A key that is an axis of ROW_AXES which the job
    leaves open fills it.
    """
    rows: list[dict[str, Any]] = []
    keys: dict[str, None] = {}
    for found in store.run_metrics(run):
        filled = {
            k: v for k, v in found["where"].items() if k in ROW_AXES and k not in found["axes"]
        }
        axes = found["axes"] | filled
        where = {key: value for key, value in found["where"].items() if key not in filled}
        keys.update(dict.fromkeys(where))
        rows.append(
            {
                "run": name,
                **{axis: axes.get(axis) for axis in JOB_AXES},
                "name": found["name"],
                "value": found["value"],
                "unit": found["unit"],
                "low": found["low"],
                "high": found["high"],
                "n": found["n"],
                "exact": found["exact"],
                **{key: value for key, value in where.items() if key not in _FIXED},
                "where": json.dumps(where, separators=(",", ":")),
                "examples": json.dumps(found["examples"], separators=(",", ":")),
                "samples": found["samples"],
                "fingerprint": found["fingerprint"],
            }
        )
    varying = [key for key in keys if key not in _FIXED]
    columns = [*_FIXED[:-4], *varying, *_FIXED[-4:]]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = {
        "value": "float64",
        "low": "float64",
        "high": "float64",
        "n": "Int64",
        "seed": "Int64",
    }
    return frame.astype(numbers)


_FIXED = (
    "run", *JOB_AXES, "name", "value", "unit", "low", "high", "n", "exact",
    "where", "examples", "samples", "fingerprint",
)  # fmt: skip


@dataclass(frozen=True)
class ExampleArrays:
    """The per-example arrays that a measure kept, in the order of the ids ``(examples,)``; time: when they are, if that counts."""

    ids: Array
    arrays: Mapping[str, Array]
    time: InTime | None = None

    @classmethod
    def read(cls, folder: Path | None) -> ExampleArrays | None:
        """Read those of an outcome; None where there are none. No code is executed."""
        path = None if folder is None else folder / EXAMPLES
        if path is None or not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        ids = arrays.pop("ids")
        order = np.argsort(ids)
        places, block = (arrays.pop(name, None) for name in (TIME_PLACES, TIME_BLOCK))
        time = None
        if places is not None and block is not None:
            time = InTime(places[order], int(block))
        return cls(ids[order], {name: array[order] for name, array in arrays.items()}, time)

    def scores(self, names: Sequence[str]) -> tuple[Array, Array] | None:
        """Return (ids, values ``(examples,)``) of arrays, their mean where there are several.

        Verdicts (bool) are 0 and 1, grades as they are or turned, so that more is better; errors count as minus their
        squares. None where one is missing.
        """
        found = [split_name(name) for name in names]
        if not found or not all(name in self.arrays for _, name in found):
            return None
        return self.ids, np.mean([_score(self.arrays[name], sign) for sign, name in found], axis=0)


def _score(array: Array, sign: int) -> Array:
    values: Array = array.astype(np.float64)
    if array.dtype.kind == "b":
        return values
    return sign * values if sign else -np.square(values)


def open_run(text: str, store: str | Path) -> RunData:
    """Read a run: by its name or number in `store`, or FOLDER (its latest), or FOLDER:RUN, or the run's own folder in one.

    Raises:
        UsageError: There is no such run. StoreError: There is no store.
    """
    folder, separator, name = text.rpartition(":")
    if os.path.isfile(Path(text) / "store.sqlite"):
        where, run = Path(text), None
    elif separator and os.path.isfile(Path(folder) / "store.sqlite"):
        where, run = Path(folder), name
    elif (os.path.isdir(text) or _is_path(text)) and os.path.isfile(
        Path(text).parent / "store.sqlite"
    ):
        where, run = Path(text).parent, Path(text).name
    elif separator and _is_path(folder):
        raise UsageError(_no_store(folder))
    elif not separator and _is_path(text):
        raise UsageError(_no_store(text))
    else:
        where, run = Path(store), text
    with Store(where, create=False) as opened:
        return RunData.read(opened, run)


def _is_path(text: str) -> bool:
    """Whether a text is surely meant as a path: a run's name has no folder in it."""
    return "/" in text or os.sep in text or text.startswith(("~", "."))


def _no_store(folder: str) -> str:
    what = "is no store: it has no store.sqlite" if os.path.isdir(folder) else "is not there"
    return f"the folder {folder!r} {what}; give the FOLDER of a store (--store of its runs), FOLDER:RUN, or the name of a run"


def _job(store: Store, run: int, found: Any) -> JobRow:
    return JobRow(
        fingerprint=found["fingerprint"],
        sort=found["sort"],
        label=found["label"],
        axes=json.loads(found["axes"]),
        spec=json.loads(found["spec"]),
        status=found["status"] or "",
        reason=found["reason"] or "",
        seconds=found["seconds"] or 0.0,
        exclusive=bool(found["exclusive"]),
        shared=bool(found["shared"]),
        cached=found["made_by"] is not None and found["made_by"] != run,
        folder=store.folder / found["folder"] if found["folder"] else None,
        notes=json.loads(found["notes"]) if found["notes"] else {},
        environment=found["environment"],
        started=found["started"] or "",
        needs=tuple(json.loads(found["needs"])),
    )


def _count(jobs: Sequence[JobRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for job in jobs:
        status = "cached" if job.cached else job.status or "not run"
        counts[status] = counts.get(status, 0) + 1
    return counts


def _column(row: sqlite3.Row, name: str) -> Any:
    """Return a column that a store which nobody may write to has not been given yet."""
    return row[name] if name in row.keys() else None  # noqa: SIM118
