"""The options of the engine."""

from __future__ import annotations

from pydantic import Field

from harness.api import Options


class RayOptions(Options):
    """Which cluster, and how much of it."""

    address: str = Field(
        default="",
        description="HOST:PORT, ray://HOST:PORT, or auto for the one that runs here; by default what RAY_ADDRESS names, "
        "else a cluster of this machine alone, for this run",
    )
    cpus: int | None = Field(
        default=None, ge=1, description="CPUs of each node that the run may hold; by default all"
    )
    gpu: str = Field(
        default="*", description="models of GPUs that jobs may have, such as *H100*; by default any"
    )
    memory_gib: float | None = Field(
        default=None,
        gt=0,
        description="memory that each job may need: a node runs no more than have it",
    )
    retries: int = Field(
        default=3, ge=0, description="how often a job whose node was lost starts again"
    )
    shared: bool = Field(
        default=True, description="read the store in place on nodes that have its folder, too"
    )
