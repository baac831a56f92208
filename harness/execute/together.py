"""Which jobs one process does together: the copies of a data set under one shift, at all severities that are wanted.

Each stays a job of its own, with its fingerprint, folder and outcome. They share the process, what is read of the
data, and the draws, which do not depend on the severity.
"""

from __future__ import annotations

from harness.plan.fingerprint import digest
from harness.plan.jobs import Job


def alike(job: Job) -> str:
    """Return what jobs have in common that one process does together; "" of a job that goes alone."""
    if job.sort != "prepare" or "shift" not in job.spec:
        return ""
    spec = job.spec
    return digest(spec["data"], spec["shift"], spec["seed"], job.device, job.threads)
