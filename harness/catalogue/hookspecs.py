"""The hooks that a plugin may implement.

A register hook yields items; a lifecycle hook observes a run, returns None and cannot stop it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from harness.catalogue import kinds

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_register_architectures() -> Iterable[kinds.Architecture]:  # type: ignore[empty-body]
    """Yield architectures: models that can be built for a task."""


@hookspec
def harness_register_datasets() -> Iterable[kinds.Dataset]:  # type: ignore[empty-body]
    """Yield data sets."""


@hookspec
def harness_register_optimizers() -> Iterable[kinds.Optimizer]:  # type: ignore[empty-body]
    """Yield optimizers."""


@hookspec
def harness_register_schedules() -> Iterable[kinds.Schedule]:  # type: ignore[empty-body]
    """Yield learning-rate schedules."""


@hookspec
def harness_register_augmentations() -> Iterable[kinds.Augmentation]:  # type: ignore[empty-body]
    """Yield augmentations of training inputs."""


@hookspec
def harness_register_objectives() -> Iterable[kinds.Objective]:  # type: ignore[empty-body]
    """Yield objectives: from a batch to the loss that training minimises."""


@hookspec
def harness_register_attacks() -> Iterable[kinds.Attack]:  # type: ignore[empty-body]
    """Yield adversarial attacks."""


@hookspec
def harness_register_shifts() -> Iterable[kinds.Shift]:  # type: ignore[empty-body]
    """Yield distribution shifts."""


@hookspec
def harness_register_measures() -> Iterable[kinds.Measure]:  # type: ignore[empty-body]
    """Yield measures."""


@hookspec
def harness_register_reports() -> Iterable[kinds.Report]:  # type: ignore[empty-body]
    """Yield report formats."""


@hookspec
def harness_register_engines() -> Iterable[kinds.Engine]:  # type: ignore[empty-body]
    """Yield engines: what runs the jobs of a plan."""


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


REGISTER_HOOKS: dict[str, str] = {
    "architecture": "harness_register_architectures",
    "dataset": "harness_register_datasets",
    "optimizer": "harness_register_optimizers",
    "schedule": "harness_register_schedules",
    "augmentation": "harness_register_augmentations",
    "objective": "harness_register_objectives",
    "attack": "harness_register_attacks",
    "shift": "harness_register_shifts",
    "measure": "harness_register_measures",
    "report": "harness_register_reports",
    "engine": "harness_register_engines",
}
