"""The hooks that a plugin may implement.

A register hook yields items of one kind, `harness_register_<kind>s`; a lifecycle hook observes a run, returns
None and cannot stop it. It is given an event, a frozen dataclass of `harness.catalogue.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pluggy

from harness.catalogue.events import (
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS, PLURALS

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_run_started(event: RunStarted) -> None:
    """Observe that a run starts."""


@hookspec
def harness_job_started(event: JobStarted) -> None:
    """Observe that a job starts."""


@hookspec
def harness_job_goes_on(event: JobGoesOn) -> None:
    """Observe how far a job is that has run for a while."""


@hookspec
def harness_job_finished(event: JobFinished) -> None:
    """Observe an outcome, after it is durable."""


@hookspec
def harness_run_waits(event: RunWaits) -> None:
    """Observe that a run waits for another one, or goes on."""


@hookspec
def harness_run_finished(event: RunFinished) -> None:
    """Observe that a run ends."""


def _register_hook(kind: type[Item]) -> Callable[[], Iterable[Item]]:
    """Return the specification of the hook that yields items of a kind."""

    def register() -> Iterable[Item]:
        return ()

    register.__name__ = register.__qualname__ = f"harness_register_{PLURALS[kind.kind]}"
    register.__doc__ = f"Yield {kind.__name__} items: {kind.words()}"
    return hookspec(register)


REGISTER_HOOKS: dict[str, str] = {}
"""The hook of each kind, from the one table of kinds."""
for _kind in KINDS.values():
    _spec = _register_hook(_kind)
    REGISTER_HOOKS[_kind.kind] = _spec.__name__
    globals()[_spec.__name__] = _spec
