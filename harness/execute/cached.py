"""What of a plan need not run, as its outcome is in the store."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UnknownNameError
from harness.plan.jobs import Plan
from harness.store.recorder import Recorder


def check_fresh(plan: Plan, fresh: Sequence[str]) -> None:
    """Check the names of what is to run again: measures of the plan, "fit" or "prepare".

    Raises:
        UnknownNameError: The plan has no such measure.
    """
    known = {str(job.axes.get("measure", job.sort)) for job in plan.jobs} | {"fit", "prepare"}
    for name in fresh:
        if name not in known:
            raise UnknownNameError("measure of this suite", name, known)


def find_cached(plan: Plan, store: Recorder, fresh: Sequence[str] = ()) -> dict[str, int]:
    """Return {fingerprint: outcome id} of the jobs that need not run.

    fresh: names of measures (or "fit", "prepare") whose jobs run again all the same. An outcome whose
    files have vanished from the store does not count where they are wanted: of a measure by reports,
    of others by jobs that will run.
    """
    check_fresh(plan, fresh)
    renewed = set(fresh)
    wanted = [
        job.fingerprint
        for job in plan.jobs
        if not job.skip
        and job.axes.get("measure") not in renewed
        and (job.sort == "measure" or job.sort not in renewed)
    ]
    found = store.finished(wanted)
    folders = store.folders_of(found.values())
    kept: dict[str, int] = {}
    read: set[str] = set()  # what jobs that run will read
    for job in reversed(plan.jobs):
        outcome = found.get(job.fingerprint)
        if outcome is not None and (
            folders[outcome].is_dir() or (job.sort != "measure" and job.fingerprint not in read)
        ):
            kept[job.fingerprint] = outcome
        elif not job.skip:
            read.update(job.needs)
    return kept
