"""Built-in measure of certificates: what can be proved of a model's answers, not only attacked."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_certified import shown
from harness_certified.options import CertifiedOptions


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measure."""
    yield Measure(
        name="certified",
        takes=("image",),
        summary="accuracy that is proved at a radius: interval bounds, Lipschitz bounds, randomized smoothing",
        source="Gowal et al. 2018, arXiv:1810.12715; Tsuzuku et al. 2018, arXiv:1802.04034; Cohen et al. 2019, "
        "arXiv:1902.02918",
        options=CertifiedOptions,
        run="harness_certified.certified:run",
        axes=shown.AXES,
        shows=shown.SHOWS,
        charts=shown.CHARTS,
    )
