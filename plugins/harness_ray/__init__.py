"""Ray: jobs on the nodes of a cluster, each node with the local engine's own processes."""

from collections.abc import Iterator

from harness.api import Engine, hookimpl
from harness_ray.options import RayOptions


@hookimpl
def harness_register_engines() -> Iterator[Engine]:
    """Yield the engine."""
    yield Engine(
        name="ray",
        start="harness_ray.engine:start",
        machines="harness_ray.cluster:machines",
        options=RayOptions,
        summary="jobs on the nodes of a Ray cluster, each in a process as of local; starts one if none is named",
        source="Moritz et al. 2018, arXiv:1712.05889; ray 2.60",
    )
