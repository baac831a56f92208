"""A job: what runs, is isolated, cached and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a plan, in JSON values, so that it can cross to another process.

    fingerprint: SHA-256 over all that can change its outcome. sort: "prepare", "fit" or "measure".
    label: for a person. needs: the fingerprints of jobs that must be ok before.
    axes: where its metrics hold: architecture, dataset, recipe, seed, precision, device, measure.
    device: "cpu" or "cuda". exclusive: it runs alone on its device.
    skip: why it makes no sense here; empty where it does.
    """

    fingerprint: str
    sort: str
    label: str
    spec: Mapping[str, Any]
    needs: tuple[str, ...]
    axes: Mapping[str, Any]
    device: str = "cpu"
    exclusive: bool = False
    threads: int = 1
    skip: str = ""


@dataclass(frozen=True)
class Plan:
    """The jobs of a suite, each once, needs before what needs them."""

    suite: str
    jobs: tuple[Job, ...]
    trials: int
    hardware: Mapping[str, Any]
