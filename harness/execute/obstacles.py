"""Why jobs cannot run: what they need has not ended ok."""

from __future__ import annotations

from harness.plan.jobs import Job
from harness.store.records import BLOCKED, SKIPPED, Outcome


class Obstacles:
    """The jobs that are not ok, and what that means for those that need them."""

    def __init__(self) -> None:
        """Know of none."""
        self._found: dict[str, tuple[str, str]] = {}

    def add(self, job: Job, status: str, reason: str) -> None:
        """Take in a job whose dependents share its status and reason."""
        self._found[job.fingerprint] = status, reason

    def add_ended(self, job: Job, outcome: Outcome) -> None:
        """Take in a job that ran: what needs it is blocked, or skipped where it was."""
        status = SKIPPED if outcome.status == SKIPPED else BLOCKED
        self.add(
            job, status, f"it needs {job.label!r}, which is {outcome.status}: {outcome.reason}"
        )

    def lost(self, job: Job) -> dict[str, str]:
        """Return why, of what a job needs, by fingerprint, some is not there; {} where all is."""
        return {need: self._found[need][1] for need in job.needs if need in self._found}

    def of(self, job: Job) -> tuple[str, str]:
        """Return status and reason of a job by the first of its needs that is not ok; "" for none."""
        for need in job.needs:
            if need in self._found:
                return self._found[need]
        return "", ""
