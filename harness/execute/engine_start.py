"""What an engine is started with, and which machines it will have."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.host import Host
from harness.catalogue.references import call
from harness.execute.engines import EngineSetting
from harness.execute.installed import modules_named
from harness.execute.preload import modules_of
from harness.machine.machines import Machine
from harness.plan.jobs import Job, Plan
from harness.plan.names import choose_one
from harness.store.recorder import Recorder


def engine_machines(host: Host, engine: str) -> Sequence[Machine] | None:
    """Return the machines that an engine's jobs will run on, for the plan; None for this one.

    Raises:
        UnknownNameError: There is no such engine. UsageError: It cannot be had as asked for.
    """
    chosen = choose_one(host.catalogue, "engine", engine)
    if chosen.item.machines is None:  # type: ignore[attr-defined]
        return None
    found: Sequence[Machine] = call(chosen.item.machines, options=chosen.model())  # type: ignore[attr-defined]
    return found


def engine_setting(
    plan: Plan, jobs: Sequence[Job], host: Host, store: Recorder, name: str
) -> EngineSetting:
    """Return what the jobs of a plan need of an engine."""
    preload = modules_of(jobs, host.catalogue)
    return EngineSetting(
        plugins=host.choice,
        preload=preload,
        modules=modules_named(jobs, preload),
        cpu_slots=plan.hardware["cpu_slots"],
        threads=plan.hardware["threads"],
        memory_limit=plan.hardware["memory_limit"],
        run=name,
        store=str(store.folder),
    )
