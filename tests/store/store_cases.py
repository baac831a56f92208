"""Jobs, plans and outcomes for tests of the store."""

from __future__ import annotations

from harness.plan.jobs import Job, Plan
from harness.store.records import Outcome


def make_job(number: int, label: str = "", measure: str = "accuracy") -> Job:
    return Job(
        fingerprint=f"{number:064x}",
        sort="measure",
        label=label or f"job {number}",
        spec={"number": number},
        needs=(),
        axes={"measure": measure},
    )


def make_plan(*jobs: Job, suite: str = "tiny") -> Plan:
    return Plan(suite=suite, jobs=jobs, trials=1, hardware={})


def outcome(job: Job, status: str = "ok", **more: object) -> Outcome:
    return Outcome(fingerprint=job.fingerprint, status=status, **more)  # type: ignore[arg-type]
