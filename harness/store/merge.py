"""Taking runs over from another store: their rows in one transaction each, their files before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import StoreError
from harness.measure.units import TIMED_UNITS
from harness.store.disk import explained, is_whole, sync
from harness.store.run_rows import Figures, Row, RunRows
from harness.store.store import Store

Advance = Callable[[int], None]  # told how many bytes more were copied


@dataclass(frozen=True)
class ChangedFigure:
    """Two outcomes of one job, both ok, of which one figure is not the same, though neither it nor the job is timed.

    job: its label. metric: with where it holds. before and now: of the outcome that was there, and of the new one.
    """

    job: str
    metric: str
    before: float | None
    now: float | None


@dataclass
class Merged:
    """What came of a merge.

    runs: {(store, name there): name here} of runs that were added. known: names of runs that were there already.
    left: those that go on. outcomes and shared: how many were added, and how many were there already.
    """

    runs: dict[tuple[str, str], str] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    outcomes: int = 0
    shared: int = 0
    differences: list[ChangedFigure] = field(default_factory=list)


@dataclass(frozen=True)
class Arrival:
    """A run that is to be taken over: its rows, the folder that its outcomes' folders lie in, and its store's name."""

    rows: RunRows
    files: Path
    store: str


def arrivals(store: Store, merged: Merged, name: str = "") -> list[Arrival]:
    """Return the runs of a store that have ended; those that go on are noted in `merged`."""
    found = []
    for row in store.runs():
        if row["status"] == "running" and store.goes_on(row["id"]):
            merged.left.append(f"{row['name']} of {store.folder}")
        else:
            found.append(
                Arrival(store.run_rows(row["id"]), store.folder, name or str(store.folder))
            )
    return found


def size_of(coming: Iterable[Arrival]) -> int:
    """Return how many bytes the files of runs have, those of an outcome that several use counted once."""
    folders = {
        one.files / row["folder"]
        for one in coming
        for row in one.rows.tables["outcomes"]
        if row["folder"]
    }
    return sum(path.lstat().st_size for folder in folders for path in folder.rglob("*"))


def take_over(
    store: Store, coming: Iterable[Arrival], merged: Merged, advance: Advance = lambda size: None
) -> Merged:
    """Add runs to a store, the oldest first; those that it holds already are only counted.

    Each run is added as a whole or not at all, its files before its rows, so a kill leaves whole runs and the same
    call goes on. Of outcomes that are there already, files that are missing are added. Links, pipes and sockets among the files are not taken along.

    Raises:
        StoreError: The disk is full, or another process runs one of the jobs in the store.
    """
    made_by: dict[Path, dict[int, int]] = {}
    for one in sorted(coming, key=lambda one: (one.rows.run["started"], one.rows.run["id"])):
        runs = made_by.setdefault(one.files, {})
        new = store.unknown_outcomes(one.rows)
        with _files_taken(store, one, new, advance):
            merged.shared += len(one.rows.tables["outcomes"]) - len(new)
            known = store.find_run(one.rows)
            if known is None:
                runs[one.rows.run["id"]] = _add(store, one, new, runs, merged)
            else:
                runs[one.rows.run["id"]] = known
                merged.known.append(f"{one.rows.run['name']} of {one.store}")
    return merged


def _add(
    store: Store, one: Arrival, new: Sequence[Row], runs: dict[int, int], merged: Merged
) -> int:
    """Add the rows of a run whose files are there, and note what came of it."""
    before = store.figures({row["fingerprint"] for row in new})
    status = one.rows.run["status"]
    number, name = store.add_run(one.rows, runs, "interrupted" if status == "running" else status)
    merged.runs[one.store, one.rows.run["name"]] = name
    merged.outcomes += len(new)
    merged.differences += _differences(before, new, one.rows)
    return number


@contextmanager
def _files_taken(
    store: Store, one: Arrival, new: Sequence[Row], advance: Advance
) -> Iterator[None]:
    """Copy the files of new outcomes, and those that known ones lack here; what is new goes again where this fails.

    Their jobs are claimed meanwhile: whoever runs one clears its folders of all that no outcome has.
    """
    ids = {row["id"] for row in new}
    wanted = []
    for row in one.rows.tables["outcomes"]:
        there, here = one.files / row["folder"], store.folder / row["folder"]
        lacks = is_whole(there) and not is_whole(here)
        if row["folder"] and there.is_dir() and (lacks or row["id"] in ids):
            wanted.append(row)
    claimed: set[str] = set()
    try:
        for row in wanted:
            owner = row["folder"].split("/")[
                1
            ]  # of the folder: a job, or another that failed alike
            if owner not in claimed and not store.claim(owner):
                raise StoreError(
                    f"{store.claimant(owner)} runs a job of {one.rows.run['name']} in the store "
                    f"{str(store.folder)!r}; take the run over when that has ended"
                )
            claimed.add(owner)
            _copy(store, one.files / row["folder"], store.folder / row["folder"], advance)
        yield
    except BaseException:
        for row in wanted:
            if row["id"] in ids:
                store.discard(store.folder / row["folder"])
        raise
    finally:
        for fingerprint in claimed:
            store.release(fingerprint)


def _copy(store: Store, source: Path, target: Path, advance: Advance) -> None:
    """Copy an outcome's plain files."""
    with explained(store.folder):
        store.discard(target)  # what a killed merge has left: no outcome has it
        target.mkdir(parents=True)
        for path in sorted(source.rglob("*")):
            inside = target / path.relative_to(source)
            if path.is_symlink():
                continue
            if path.is_dir():
                inside.mkdir(parents=True, exist_ok=True)
            elif path.is_file():
                shutil.copyfile(path, inside, follow_symlinks=False)
                advance(path.stat().st_size)
        sync([target])


def _differences(before: Figures, new: Sequence[Row], rows: RunRows) -> list[ChangedFigure]:
    """Return the figures of new outcomes that are not those of an earlier one of the same job."""
    timed = {row["fingerprint"] for row in rows.tables["jobs"] if row["exclusive"]}
    labels = {row["fingerprint"]: row["label"] for row in rows.tables["jobs"]}
    fingerprints = {row["id"]: row["fingerprint"] for row in new if row["status"] == "ok"}
    found = []
    for metric in rows.tables["metrics"]:
        fingerprint = fingerprints.get(metric["outcome"], "")
        key = (fingerprint, metric["name"], metric["holds"])
        is_timed = fingerprint in timed or metric["unit"] in TIMED_UNITS
        if is_timed or key not in before or before[key] == metric["value"]:
            continue
        holds = json.loads(metric["holds"])
        words = " ".join([metric["name"], *(f"{name}={value}" for name, value in holds.items())])
        found.append(ChangedFigure(labels[fingerprint], words, before[key], metric["value"]))
    return found
