"""Running one job again in the foreground process."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from harness.catalogue.host import Host
from harness.errors import UsageError
from harness.execute.job import run_job
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness.store.records import Outcome
from harness.store.store import Store


def debug_job(store: str | Path, name: str, host: Host, stop: bool = False) -> Outcome:
    """Run a job of a store in this process, with what it needs from the store; record nothing.

    stop: open pdb where it raises.

    Raises:
        UsageError: There is no such job, or something that it needs is not ok.
    """
    with Store(store, create=False) as opened:
        request = stored_request(opened, name)
    with tempfile.TemporaryDirectory() as folder:
        return run_job(replace(request, folder=folder), host.require_usable(), stop=stop)


def stored_request(store: Store, name: str) -> Request:
    """Return what it takes to run a job of a store again; its folder is yet to be named.

    name: the job's label, or the start of its fingerprint.

    Raises:
        UsageError: There is no such job, or something that it needs is not ok.
    """
    row = store.find_job(name)
    needs = json.loads(row["needs"])
    made = store.finished(needs)
    missing = {need: store.find_job(need)["label"] for need in needs if need not in made}
    places = store.folders_of(made.values())
    job = Job(
        fingerprint=row["fingerprint"],
        sort=row["sort"],
        label=row["label"],
        spec=json.loads(row["spec"]),
        needs=tuple(needs),
        axes=json.loads(row["axes"]),
        device=row["device"],
        exclusive=bool(row["exclusive"]),
        threads=row["threads"],
    )
    if not job.can_do_without(missing):
        raise UsageError(f"{job.label!r} needs what is not there: {', '.join(missing.values())}")
    lost = {need: f"{label!r} is not there" for need, label in missing.items()}
    found = {need: str(places[outcome].resolve()) for need, outcome in made.items()}
    return Request(job, "", found, lost=lost)
