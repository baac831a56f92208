"""Certificates: what can be proved of a model's answers, not only attacked, and training for it."""

from collections.abc import Iterator

from harness.api import Certificate, Measure, Objective, hookimpl
from harness_certified import shown
from harness_certified.options import CertifiedOptions, IbpOptions


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
        shares_process=True,
        check="harness_certified.certified:check",
        axes=shown.AXES,
        shows=shown.SHOWS,
        charts=shown.CHARTS,
    )


@hookimpl
def harness_register_certificates() -> Iterator[Certificate]:
    """Yield the bounds of the model itself; smoothing is of another classifier."""
    yield Certificate(
        name="interval-bounds",
        takes=("image",),
        summary="bounds of all activations; proves much after training on them, and little else",
        source="Gowal et al. 2018, arXiv:1810.12715",
        certify="harness_certified.certify:interval_bounds",
        norms=("linf",),
    )
    yield Certificate(
        name="crown",
        takes=("image",),
        summary="linear bounds taken backwards, of networks of ReLUs with up to 4,096 units in each activation",
        source="Zhang et al. 2018, arXiv:1811.00866",
        certify="harness_certified.certify:crown",
        norms=("linf",),
    )
    yield Certificate(
        name="lipschitz-bound",
        takes=("image",),
        summary="product of the layers' spectral norms; cheap and loose",
        source="Tsuzuku et al. 2018, arXiv:1802.04034",
        certify="harness_certified.certify:lipschitz",
        norms=("l2",),
    )


@hookimpl
def harness_register_objectives() -> Iterator[Objective]:
    """Yield the objective."""
    yield Objective(
        name="ibp",
        build="harness_certified.ibp:build",
        options=IbpOptions,
        holds="the radius of each example's ball and its weight",
        takes=("image",),  # whose ball is in the data's units
        summary="train on the worst answers that interval bounds allow inside a ball",
        source="Gowal et al. 2018, arXiv:1810.12715",
    )
