"""On which machine what times or weighs runs: figures that are compared come from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.machine.machines import Machine
from harness.plan.jobs import Job


class TimedMachines:
    """Where the exclusive jobs of a run go.

    A plan counts on one kind of machine for each device. The first job of a data set and device that finds a place
    on one of that kind settles where the others run, as their figures stand in one table; once that machine is
    gone, they go on on the next one of the kind.
    """

    def __init__(self, kinds: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the hardware of that kind by device, of `Plan.timed_on`; a device without one takes any machine."""
        self._kinds = kinds
        self._settled: dict[tuple[str, str], str] = {}

    def allowed(self, job: Job, machines: Sequence[Machine]) -> tuple[str, ...] | None:
        """Return the names of the machines that a job may run on; () for any, None where there is none now."""
        if not job.exclusive:
            return ()
        kind = self._kinds.get(job.device)
        able = [one.name for one in machines if kind in (None, one.hardware(job.device))]
        settled = self._settled.get(_table(job))
        return (settled,) if settled in able else (tuple(able) or None)

    def settle(self, job: Job, machine: str) -> None:
        """Let the exclusive jobs whose figures stand beside this one's run where it does."""
        if job.exclusive:
            self._settled[_table(job)] = machine

    def words(self, job: Job) -> str:
        """Say what kind of machine a job is planned for."""
        hardware = self._kinds.get(job.device, {})
        return ", ".join(f"{name} {value}" for name, value in hardware.items()) or job.device


def _table(job: Job) -> tuple[str, str]:
    """Return what tells apart the tables that a job's figures may stand in."""
    return str(job.axes.get("dataset", "")), job.device
