"""An engine for tests: each job runs in the tests' own process, as soon as it is submitted.

All of a run is real but for the isolation of its jobs: a fork server would import torch again for each run,
some three seconds of CPU, and every job scikit-learn. What a test says about processes needs the local engine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from as_before import as_before

import harness
from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.host import Host
from harness.catalogue.run_kinds import Engine
from harness.execute.engines import Busy, Ended, EngineSetting, Place, Work
from harness.execute.job import run_together
from harness.execute.request import Request
from harness.machine.machines import this_machine
from harness.plan.jobs import Job


class Here:
    """Runs one job at a time."""

    machines = (this_machine(cpu_slots=1),)

    def __init__(self, setting: EngineSetting) -> None:
        self.catalogue = Host(setting.plugins).catalogue
        self.ended: list[Ended] = []

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> Place | Busy:
        return Busy() if self.ended else Place(name="here")

    def submit(self, work: Work) -> None:
        work.began = time.monotonic()
        request = Request.from_text(work.request.to_text())
        with (
            open(Path(request.folder) / "log.txt", "a", encoding="utf-8") as log,
            redirect_stdout(log),
            redirect_stderr(log),
            as_before(),
        ):
            outcome = run_together(request, self.catalogue)
        self.ended.append(Ended(work.token, outcome))

    def wait(self, timeout: float | None) -> list[Ended]:
        ended, self.ended = self.ended, []
        return ended

    def kill(self, token: str, reason: str) -> None:
        raise AssertionError("no job is left to kill when the caller looks")

    def close(self) -> None:
        self.ended.clear()


@hookimpl
def harness_register_engines() -> list[Engine]:
    return [Engine(name="here", start=Here, source="the tests")]


def run_here(suite: Any, *, plugins: Sequence[str] = (), **more: Any) -> harness.Run:
    """Return `harness.run` of a suite whose jobs run here; without floors, unless it says so itself."""
    if isinstance(suite, dict) and isinstance(suite.get("matrix"), dict):
        suite = suite | {"matrix": {"floors": False} | suite["matrix"]}
    return harness.run(suite, plugins=[*plugins, __file__], engine="here", **more)


OPTIONS = ("--engine", "here", "-p", __file__)  # the same for the command line
