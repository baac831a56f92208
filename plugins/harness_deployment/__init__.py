"""Built-in measure of deployment drift: the same weights in the pipeline that a user will really have."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_deployment import shown
from harness_deployment.options import DeploymentOptions


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measure."""
    yield Measure(
        name="deployment",
        takes=("image", "sequence", "table"),
        summary="accuracy, flipped answers and speed of the same weights under the pipelines of a deployment",
        source="Newcombe 1998, Statistics in Medicine 17:2635, method 10 (interval of the change)",
        options=DeploymentOptions,
        run="harness_deployment.deployment:run",
        exclusive=True,
        axes=shown.AXES,
        shows=shown.SHOWS,
        charts=shown.CHARTS,
        gallery=shown.GALLERY,
    )
