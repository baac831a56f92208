"""Which jobs one process does together: copies of a data set under one shift, and measures of one model that say that they may.

Each stays a job of its own, with its fingerprint, folder and outcome. Copies share the process, what is read of the
data, and the draws, which do not depend on the severity; they are made at once. Measures are taken one after another, each
in the process as it was before the first (`process_state`), so that nothing but the model, which is loaded once, is shared.
"""

from __future__ import annotations

from harness.plan.fingerprint import digest
from harness.plan.jobs import SHARES, TRAINED, Job

LONGEST_SECONDS = 10.0
"""For which a process is given measures, by what they are likely to take, and after which it begins no other.

What it has measured is recorded when it ends, and until then other places may be without work.
"""


def alike(job: Job) -> str:
    """Return what jobs have in common that one process does together; "" of a job that goes alone."""
    spec = job.spec
    if job.sort == "prepare" and "shift" in spec:
        return digest(spec["data"], spec["shift"], spec["seed"], job.device, job.threads)
    alone = job.exclusive or job.devices > 1 or TRAINED in spec or "fits" in spec
    if job.sort != "measure" or SHARES not in spec or "architecture" not in spec or alone:
        return ""
    model = (spec["fit"], spec["architecture"], spec["data"], spec["precision"])
    return digest(*model, job.device, job.threads)


def in_turn(job: Job) -> bool:
    """Whether a process that does such jobs together does one after another, and leaves each outcome as soon as it is there."""
    return job.sort == "measure"
