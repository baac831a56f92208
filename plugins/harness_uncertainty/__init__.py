"""Built-in measures of uncertainty: how far a model's confidence can be believed."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_uncertainty import shown
from harness_uncertainty.options import OodOptions, UncertaintyOptions

REAL_VALUED = ("real-valued",)  # modalities between whose values there are others


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="uncertainty",
        takes=REAL_VALUED,
        summary="calibration, temperature scaling, conformal sets and selective prediction, clean and shifted",
        source="Guo et al. 2017, arXiv:1706.04599; Romano et al. 2020, arXiv:2006.02544; Geifman et al. 2019, "
        "arXiv:1805.08206",
        options=UncertaintyOptions,
        run="harness_uncertainty.uncertainty:run",
        shares_process=True,
        check="harness_uncertainty.uncertainty:check",
        prepares="harness.api.declaring:shift_pairs",
        axes=shown.UNCERTAINTY_AXES,
        shows=shown.UNCERTAINTY,
        yields=shown.UNSHOWN,
        charts=shown.UNCERTAINTY_CHARTS,
    )
    yield Measure(
        name="ood",
        takes=REAL_VALUED,
        summary="out-of-distribution detection: eight scores against far and near sets (AUROC, AUPR, FPR95)",
        source="Hendrycks & Gimpel 2017, arXiv:1610.02136; Yang et al. 2022, arXiv:2210.07242",
        options=OodOptions,
        run="harness_uncertainty.ood:run",
        shares_process=True,
        prepares="harness.api.declaring:shift_pairs",
        axes=shown.OOD_AXES,
        shows=shown.OOD,
        charts=shown.OOD_CHARTS,
    )
