"""What of a plan need not run, as its outcome is in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.refusal import is_streamed
from harness.errors import UnknownNameError
from harness.execute.circumstances import FilesNow, basis_of
from harness.plan.jobs import Job, Plan
from harness.store.disk import is_whole
from harness.store.recorder import Recorder


@dataclass(frozen=True)
class Cached:
    """The outcomes that a run takes over.

    outcomes: {fingerprint: outcome id} of the jobs that need not run. states: {fingerprint: state} of
    outcomes that hold, those too whose files have vanished. fresh: jobs that a person wants to run again.
    changed: files that earlier outcomes were made of and that have changed since.
    """

    outcomes: Mapping[str, int]
    states: Mapping[str, str]
    fresh: frozenset[str]
    changed: tuple[str, ...]


def check_fresh(plan: Plan, fresh: Sequence[str]) -> None:
    """Check the names of what is to run again: measures of the plan, "fit" or "prepare".

    Raises:
        UnknownNameError: The plan has no such measure.
    """
    known = {name for job in plan.jobs for name in _names(job)} | {"fit", "prepare"}
    for name in fresh:
        if name not in known:
            raise UnknownNameError("measure of this suite", name, known)


def _names(job: Job) -> tuple[str, ...]:
    """Return what a job is called by who wants it again: a measure that a suite has twice also without its options."""
    measure = str(job.axes.get("measure", ""))
    return (measure, measure.partition(":")[0]) if measure else (job.sort,)


def find_cached(plan: Plan, store: Recorder, fresh: Sequence[str] = ()) -> Cached:
    """Return what of a plan need not run.

    fresh: names of measures (or "fit", "prepare") whose jobs run again all the same, and with them all
    that needs them. An outcome holds as long as the files that its job read are as they were, and the
    outcomes that it needed are those that hold now. One whose own files have vanished from the store does
    not count where they are wanted: of a measure by reports, of others by jobs that will run.
    """
    check_fresh(plan, fresh)
    named = frozenset(
        job.fingerprint
        for job in plan.jobs
        if not job.skip and not set(fresh).isdisjoint((*_names(job), job.sort))
    )
    candidates = store.candidates(job.fingerprint for job in plan.jobs if not job.skip)
    files = FilesNow()
    found: dict[str, int] = {}
    states: dict[str, str] = {}
    again: set[str] = set()  # what others were made of, and is made anew
    for job in plan.jobs:
        made = candidates.get(job.fingerprint, ())
        if job.fingerprint in named or not again.isdisjoint(job.needs):
            again.add(job.fingerprint)
            continue
        basis = basis_of(job, states)
        for one in made:
            if one.basis == basis and files.hold(one):
                found[job.fingerprint] = one.outcome
                if one.state:
                    states[job.fingerprint] = one.state
                break
        else:
            if made:
                again.add(job.fingerprint)
    return Cached(_with_files(plan, store, found), states, named, tuple(sorted(files.changed)))


def _is_there(job: Job, folder: Path) -> bool:
    return is_whole(folder) and not (job.sort == "prepare" and is_streamed(folder))


def _with_files(plan: Plan, store: Recorder, found: Mapping[str, int]) -> dict[str, int]:
    """Return the outcomes less those whose files have vanished where they are wanted.

    A corrupted copy that is to be read and was not written, as there was no room, is asked for again: there may be now.
    """
    folders = store.folders_of(found.values())
    kept: dict[str, int] = {}
    read: set[str] = set()  # what jobs that run will read
    for job in reversed(plan.jobs):
        outcome = found.get(job.fingerprint)
        wanted = job.sort == "measure" or job.fingerprint in read
        if outcome is not None and (not wanted or _is_there(job, folders[outcome])):
            kept[job.fingerprint] = outcome
        elif not job.skip:
            read.update(job.needs)
    return kept
