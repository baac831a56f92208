"""Engines: what runs the jobs of a plan. The built-in plugin that registers the local one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.host import PluginChoice
from harness.catalogue.run_kinds import Engine
from harness.execute.request import Request
from harness.machine.machines import Machine
from harness.plan.jobs import Job
from harness.store.records import Outcome


@dataclass(frozen=True, kw_only=True)
class EngineSetting:
    """What an engine is started with.

    plugins: those that the jobs need. preload: modules that the plan's items live in. modules: the same, and those of
    a person's own classes: all that must be there where jobs run (`harness.execute.installed`). cpu_slots: how many
    jobs may share the CPU (None: as many as the engine likes) and threads, of each. memory_limit: bytes
    for one job, or None. run and store: whose jobs they are, for people. python: the interpreter of
    another environment, which has a harness of its own; None is this one.
    """

    plugins: PluginChoice
    preload: Sequence[str] = ()
    modules: Sequence[str] = ()
    cpu_slots: int | None = None
    threads: int = 1
    memory_limit: int | None = None
    run: str = ""
    store: str = ""
    python: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job runs; one job at a time. An engine adds what it needs to know.

    name: for people. machine: the name of the machine that it is on, as the engine's `machines` has it.
    """

    name: str
    machine: str = ""


@dataclass(frozen=True)
class Busy:
    """There is no place for a job now.

    waits_for: what of others must end before, in words; "" where it is this run's own jobs.
    """

    waits_for: str = ""


@dataclass(frozen=True)
class Ended:
    """A job has ended: its token, and the outcome that it left or that its end means."""

    token: str
    outcome: Outcome


@dataclass(frozen=True)
class Displaced:
    """A job has no place any more, by no fault of its own: its machine is gone, or was needed for others.

    It has not ended: it is to be started again, at a place and in a folder that are new. An engine says so of a token
    as often as its options allow, and ends the job as crashed then. reason: goes on from "it was lost".
    """

    token: str
    reason: str


@dataclass
class Work:
    """A request on its way: the token names this attempt.

    began: `time.monotonic()` when it began to run, as the engine says; its time limit counts from there.
    waits_for: what of others must end before it can begin at its place, in words; the engine says that, too.
    limit: seconds that it may run; the run kills it then, and an engine whose jobs outlive the run does so itself.
    likely: seconds that it probably takes, of jobs like it; None where there were none.
    """

    token: str
    request: Request
    place: Place
    began: float | None = None
    waits_for: str = ""
    limit: float = math.inf
    likely: float | None = None


class RunningEngine(Protocol):
    """What an engine's `start` returns. It owns the places where jobs run, and what locks them.

    The caller asks for a place, submits the job there, and waits; a place is free again when its job has
    ended. A job writes into its request's folder and nowhere else; only the caller writes the store.
    An engine whose jobs run on other machines brings them what a request reads, and what a job leaves into the
    request's folder (`harness.execute.travel`), before it says that the job has ended.

    machines: those that it has, as they are now. One may go, and others come, while a run goes on.
    """

    @property
    def machines(self) -> Sequence[Machine]:
        """The machines that jobs may run on now."""
        ...

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> Place | Busy:
        """Take a place for a job, alone on its device where the job is exclusive; do not wait for one.

        machines: names of those that it may be on; () is any.
        """
        ...

    def submit(self, work: Work) -> None:
        """Start a job at its place; set the work's `began` once it runs."""
        ...

    def wait(self, timeout: float | None) -> Iterable[Ended | Displaced]:
        """Return the jobs that ended, each once, with all that they left in their folders; and those that are lost.

        Block until there is one, or for `timeout` seconds at most.
        """
        ...

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; it ends as a timeout with that reason."""
        ...

    def close(self) -> None:
        """Kill all that still runs, and end; or leave it to a queue where the next run finds it, and say so."""
        ...


@hookimpl
def harness_register_engines() -> Iterable[Engine]:
    """Yield the engine that runs jobs on this machine."""
    yield Engine(
        name="local",
        start="harness.execute.local:start",
        summary="each job in a process of its own on this machine, forked from a warm server",
        source="harness",
    )
