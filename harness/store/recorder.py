"""What a run needs of a store: an interface small enough for a live view, or another kind of store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from harness.plan.jobs import Plan
from harness.store.circumstances import Candidate
from harness.store.records import Outcome


class Recorder(Protocol):
    """Where a run is written down. `harness.store.store.Store` is one; what wraps one may watch or pass on.

    folder: where attempts have their files. All methods raise StoreError where the store fails.
    """

    folder: Path

    # -- writing: what a live view follows

    def start_run(
        self, plan: Plan, written: Mapping[str, Any], invocation: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Record a run and its jobs; return its id and its name.

        written: the suite's tables. invocation: how it was started (`harness.machine.invocation`).
        """
        ...

    def link(self, run: int, outcomes: Mapping[str, int]) -> None:
        """Record that a run uses outcomes that are there already: {fingerprint: outcome id}."""
        ...

    def add_outcomes(self, run: int, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, all or none of them; when this returns they are durable, their files too."""
        ...

    def finish_run(
        self,
        run: int,
        status: str,
        seconds: float,
        counts: Mapping[str, int],
        energy: float | None = None,
    ) -> None:
        """Record how a run ended: "completed" or "interrupted"."""
        ...

    # -- what is known already

    def candidates(self, fingerprints: Iterable[str]) -> dict[str, list[Candidate]]:
        """Return {fingerprint: its outcomes that are ok, the latest first} of those that have one."""
        ...

    def folders_of(self, outcomes: Iterable[int]) -> dict[int, Path]:
        """Return {outcome id: the folder of its artifacts}."""
        ...

    def latest_outcome(self) -> int:
        """Return the id of the latest outcome; 0 where there is none. Ids only grow."""
        ...

    def durations(self) -> dict[str, float]:
        """Return the latest seconds of each job that was ok, by its label."""
        ...

    def lengths(self) -> dict[str, tuple[int, int]]:
        """Return (epochs planned, epochs by default) of the latest fit of each label that was ok."""
        ...

    # -- one attempt at a job, by one process at a time

    def claim(self, fingerprint: str) -> bool:
        """Claim a job for this process; False while another process runs it."""
        ...

    def release(self, fingerprint: str) -> None:
        """Give a claim up."""
        ...

    def claimant(self, fingerprint: str) -> str:
        """Return who has claimed a job, in words."""
        ...

    def new_attempt(self, fingerprint: str, *, fresh: bool = False) -> Path:
        """Make a folder for an attempt at a job that is claimed: empty, but for how far a killed one has come.

        fresh: begin anew.
        """
        ...

    def discard(self, folder: Path) -> None:
        """Remove the folder of an attempt that came to nothing, but for how far it has come."""
        ...

    def check_space(self, reason: str = "") -> None:
        """Raise StoreError where the disk is full, or a job's reason says that it was."""
        ...
