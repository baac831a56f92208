"""An engine that works in its caller's process, as a plugin file: no torch, no processes, no waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.run_kinds import Engine
from harness.execute.engines import Busy, Displaced, Ended, Place, Work
from harness.machine.machines import Machine
from harness.plan.jobs import Job
from harness.store.records import KEPT, Outcome


class Inline:
    """Runs one job at a time, when it is waited for; a job sleeps, and is lost or held up before, as its spec says.

    Those that end at once are as many as `AT_ONCE` says.
    """

    machines = (Machine(cpu="", cores=1, memory_bytes=0),)

    def __init__(self, setting: Any) -> None:
        self.works: list[Work] = []
        self.lost: list[str] = []

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> Place | Busy:
        if HELD:
            return Busy(HELD[-1])
        return Busy() if len(self.works) == AT_ONCE[-1] else Place(name="here")

    def submit(self, work: Work) -> None:
        self.works.append(work)
        (Path(work.request.folder) / "request.json").touch()
        if held := work.request.job.spec.get("held"):
            work.waits_for = held
        else:
            work.began = time.monotonic()

    def wait(self, timeout: float | None) -> list[Ended | Displaced]:
        if not self.works:
            time.sleep(timeout or 0.0)
            return []
        if self.works[-1].began is None:
            assert timeout is not None, "nobody would ever say what it waits for"
            time.sleep(timeout)
            if not HELD_UP:
                self.works[-1].began = time.monotonic()
            return []
        works, self.works = self.works, []
        return [self.come_to(work) for work in works]

    def come_to(self, work: Work) -> Ended | Displaced:
        job = work.request.job
        if self.lost.count(work.token) < job.spec.get("lost", 0):
            self.lost.append(work.token)
            (Path(work.request.folder) / KEPT).write_text(str(len(self.lost)))
            return Displaced(work.token, "its machine is gone")
        time.sleep(job.spec.get("seconds", 0.0))
        reason = job.spec.get("failed", "")
        status = "failed" if reason else "ok"
        outcome = Outcome(fingerprint=job.fingerprint, status=status, reason=reason, seconds=0.01)
        return Ended(work.token, outcome)

    def kill(self, token: str, reason: str) -> None:
        raise AssertionError("nothing is killed here")

    def close(self) -> None:
        self.works.clear()


AT_ONCE = [1]  # the last one counts
HELD: list[str] = []  # what of another run holds all places, until it is taken off
HELD_UP: list[str] = []  # as long as there is one, a job that is held up does not begin


@hookimpl
def harness_register_engines() -> list[Engine]:
    return [Engine(name="inline", start=Inline, source="a test")]
