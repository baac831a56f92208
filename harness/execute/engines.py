"""Engines: what runs the jobs of a plan. The built-in plugin that registers the local one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.host import PluginChoice
from harness.catalogue.kinds import Engine
from harness.execute.request import Request
from harness.store.records import Outcome


@dataclass(frozen=True, kw_only=True)
class EngineSetting:
    """What an engine is started with.

    preload: modules that the plan's items live in. memory_limit: bytes for one job, or None. python: the
    interpreter of another environment, which has a harness of its own; None is this one.
    """

    plugins: PluginChoice
    preload: Sequence[str]
    memory_limit: int | None = None
    python: str | None = None


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Where a job runs: which CPUs it is pinned to, and the GPU that it sees (None: none)."""

    name: str
    cpus: tuple[int, ...] = ()
    gpu: str | None = None


@dataclass(frozen=True)
class Ended:
    """A job's process has ended: its token, and the outcome that it left or that its end means."""

    token: str
    outcome: Outcome


@dataclass
class Work:
    """A request on its way: the token names this attempt. The engine says when it began."""

    token: str
    request: Request
    slot: Slot
    began: float | None = None  # time.monotonic() when its process started
    killed: str = ""  # why the harness killed it


class RunningEngine(Protocol):
    """What an engine's `start` returns."""

    def submit(self, work: Work) -> None:
        """Start a job on its slot."""
        ...

    def wait(self, timeout: float | None) -> Iterable[Ended]:
        """Return the jobs that ended; block until one does, or for `timeout` seconds."""
        ...

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; it ends as a timeout with that reason."""
        ...

    def close(self) -> None:
        """Kill all that still runs, and end."""
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
