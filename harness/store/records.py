"""Records: what became of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.measure.metric import Metric

FORMAT_VERSION = 2  # of the store; 1 did not name the arrays behind a metric

OK, FAILED, OOM, TIMEOUT, CRASHED = "ok", "failed", "oom", "timeout", "crashed"
SKIPPED, BLOCKED = "skipped", "blocked"
TIME_BUDGET = "the time budget of"
"""What the reasons of jobs that a time budget left out have in them."""
KEPT = "progress.safetensors"
"""In the folder of an attempt: how far a long job has come, for the next one if this one is killed."""
STATUSES = (OK, FAILED, OOM, TIMEOUT, CRASHED, SKIPPED, BLOCKED)


@dataclass(frozen=True)
class FileRead:
    """A file that a job read and that its fingerprint does not cover, as it was then.

    digest: of its contents; of a folder, of the names in it. mark: what the system says of the file as
    long as it is the same one; "" where that is not known.
    """

    path: str
    digest: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one attempt at a job ended.

    status: one of STATUSES; reason: a sentence, empty when ok. seconds: in the job's process.
    folder: its artifacts, relative to the store; log.txt is what it printed.
    shared: it ran beside other jobs, so its duration is not to be compared.
    files_read: what else it depends on. modules: what it imported of other code than the core's and
    libraries'. basis: the states of the outcomes that it needed; state: of this one. Both are "" where
    fingerprints say all (`harness.execute.circumstances`).
    """

    fingerprint: str
    status: str
    reason: str = ""
    traceback: str = ""
    metrics: tuple[Metric, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    started: str = ""
    seconds: float = 0.0
    shared: bool = False
    files_read: tuple[FileRead, ...] = ()
    modules: tuple[str, ...] = ()
    basis: str = ""
    state: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether it may be reused."""
        return self.status == OK


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
