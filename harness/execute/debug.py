"""Running one job again in the foreground process."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from harness.catalogue.host import Host
from harness.errors import UsageError
from harness.execute.job import run_job
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness.results.records import Outcome
from harness.results.store import Store


def debug_job(store: str | Path, name: str, host: Host, stop: bool = False) -> Outcome:
    """Run a job of a store in this process, with what it needs from the store; record nothing.

    stop: open pdb where it raises.

    Raises:
        UsageError: There is no such job, or something that it needs is not ok.
    """
    with Store(store, create=False) as opened:
        row = opened.find_job(name)
        needs = json.loads(row["needs"])
        made = opened.finished(needs)
        missing = [need for need in needs if need not in made]
        if missing:
            labels = [opened.find_job(need)["label"] for need in missing]
            raise UsageError(f"{row['label']!r} needs what is not there: {', '.join(labels)}")
        places = opened.folders_of(made.values())
        folders = {need: str(places[outcome].resolve()) for need, outcome in made.items()}
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
    with tempfile.TemporaryDirectory() as folder:
        return run_job(Request(job, folder, folders), host.require_usable(), stop=stop)
