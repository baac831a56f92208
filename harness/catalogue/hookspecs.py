"""The hooks that a plugin may implement.

A register hook yields items of one kind, `harness_register_<kind>s`; a lifecycle hook observes a run, returns
None and cannot stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pluggy

from harness.catalogue.kinds import KINDS, Item

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_run_started(run: dict[str, Any]) -> None:
    """Observe that a run starts; `run` has its name, suite, store and number of jobs."""


@hookspec
def harness_job_started(job: dict[str, Any]) -> None:
    """Observe that a job starts; `job` has its fingerprint, sort, label and slot."""


@hookspec
def harness_job_finished(job: dict[str, Any], outcome: dict[str, Any]) -> None:
    """Observe an outcome after it is durable; it has the status, reason, seconds and metrics."""


@hookspec
def harness_run_finished(run: dict[str, Any], counts: dict[str, int]) -> None:
    """Observe that a run ends; `counts` has the number of outcomes of each status."""


def _register_hook(kind: type[Item]) -> Callable[[], Iterable[Item]]:
    """Return the specification of the hook that yields items of a kind."""

    def register() -> Iterable[Item]:
        return ()

    register.__name__ = register.__qualname__ = f"harness_register_{kind.kind}s"
    register.__doc__ = f"Yield {kind.__name__} items: {kind.words()}"
    return hookspec(register)


REGISTER_HOOKS: dict[str, str] = {}
"""The hook of each kind, from the one table of kinds."""
for _kind in KINDS.values():
    _spec = _register_hook(_kind)
    REGISTER_HOOKS[_kind.kind] = _spec.__name__
    globals()[_spec.__name__] = _spec
