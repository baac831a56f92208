"""A built-in measure of explanations: what an answer is due to, and how far that can be believed."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_explained import shown
from harness_explained.options import InterpretabilityOptions


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measure."""
    yield Measure(
        name="interpretability",
        takes=("real-valued",),
        problems=("classification",),
        summary="what answers are due to, by four methods: insertion and deletion, likeness to random weights, maps",
        source="Petsiuk et al. 2018, arXiv:1806.07421; Adebayo et al. 2018, arXiv:1810.03292; Sundararajan et al. 2017, "
        "arXiv:1703.01365; Selvaraju et al. 2017, arXiv:1610.02391; Abnar & Zuidema 2020, arXiv:2005.00928",
        options=InterpretabilityOptions,
        run="harness_explained.interpretability:run",
        shares_process=True,
        axes=shown.AXES,
        shows=shown.SHOWS,
        charts=shown.CHARTS,
        gallery=shown.GALLERY,
    )
