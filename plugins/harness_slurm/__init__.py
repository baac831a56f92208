"""Slurm: jobs in the queue of a cluster, on each node with the local engine's own processes."""

from collections.abc import Iterator

from harness.api import Engine, hookimpl
from harness_slurm.options import SlurmOptions


@hookimpl
def harness_register_engines() -> Iterator[Engine]:
    """Yield the engine."""
    yield Engine(
        name="slurm",
        start="harness_slurm.engine:start",
        machines="harness_slurm.nodes:machines",
        options=SlurmOptions,
        summary="jobs in the queue of a Slurm cluster, in processes as those of local; a run may leave and come back",
        source="Yoo et al. 2003, doi:10.1007/10968987_3; slurm 22.05",
    )
