"""Built-in measures of quality: how often a model is right, also on shifted data."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_quality import shown, shown_shifts
from harness_quality.options import (
    AccuracyOptions,
    ByClassOptions,
    ByGroupOptions,
    ByLengthOptions,
    DataEfficiencyOptions,
    EffectiveRobustnessOptions,
    FlipRateOptions,
    FloorsOptions,
    MceOptions,
    MeanFlipRateOptions,
    NaturalShiftOptions,
    ShiftOptions,
)

ALL = ("*",)  # problems and modalities
SHIFTED = (
    "classification",
    "regression",
    "forecast",
    "segmentation",
    "detection",
)  # whose targets hold or follow


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="accuracy",
        takes=ALL,
        problems=ALL,
        summary="accuracy and cross-entropy, R2 and errors, errors of forecasts, or the headline of others, in test",
        source="Wilson 1927 (interval)",
        options=AccuracyOptions,
        run="harness_quality.accuracy:run",
        shares_process=True,
        axes=shown.ACCURACY_AXES,
        shows=shown.ACCURACY,
        yields=("nonfinite_share",),
        charts=shown.ACCURACY_CHARTS,
        gallery=shown.ACCURACY_GALLERY,
    )
    yield Measure(
        name="by_class",
        takes=ALL,
        problems=("classification", "segmentation", "detection"),
        summary="accuracy of each class, the worst, balanced, under another mix; IoU or AP of each",
        source="Saerens, Latinne & Decaestecker 2002, Neural Computation 14:21 (label shift)",
        options=ByClassOptions,
        run="harness_quality.by_class:run",
        shares_process=True,
        check="harness_quality.by_class:check",
        classes="harness_quality.options:prior_classes",
        axes=shown.BY_CLASS_AXES,
        shows=shown.BY_CLASS,
        charts=shown.BY_CLASS_CHARTS,
    )
    yield Measure(
        name="by_group",
        takes=ALL,
        summary="accuracy of each group of examples that a column tells apart, and of the worst group",
        source="Sagawa et al. 2020, arXiv:1911.08731 (worst group)",
        options=ByGroupOptions,
        run="harness_quality.by_group:run",
        shares_process=True,
        columns="harness_quality.options:group_columns",
        axes=shown.BY_GROUP_AXES,
        shows=shown.BY_GROUP,
        charts=shown.BY_GROUP_CHARTS,
    )
    yield Measure(
        name="by_length",
        takes=("tokens",),
        problems=("classification", "next_token"),
        summary="accuracy by the length of a text; bits per token by how much of it came before",
        source="after Kaplan et al. 2020, arXiv:2001.08361, section 4.3 (loss per token)",
        options=ByLengthOptions,
        run="harness_quality.by_length:run",
        shares_process=True,
        check="harness_quality.by_length:check",
        axes=shown.BY_LENGTH_AXES,
        shows=shown.BY_LENGTH,
        charts=shown.BY_LENGTH_CHARTS,
    )
    yield Measure(
        name="data_efficiency",
        takes=ALL,
        problems=ALL,
        summary="how the error falls with the number of training examples: a power law, and what twice as many bring",
        source="Hestness et al. 2017, arXiv:1712.00409; Viering & Loog 2023, arXiv:2103.10948",
        options=DataEfficiencyOptions,
        run="harness_quality.data_efficiency:run",
        over=("recipe", "seed"),
        axes=shown.DATA_EFFICIENCY_AXES,
        shows=shown.DATA_EFFICIENCY,
        charts=shown.DATA_EFFICIENCY_CHARTS,
    )
    yield Measure(
        name="floors",
        takes=ALL,
        problems=ALL,
        summary="what constants, linear models, boosted trees, bigrams, naive forecasts reach in test",
        source="scikit-learn's LogisticRegression, Ridge and HistGradientBoosting*, as they are by default",
        options=FloorsOptions,
        run="harness_quality.floors:run",
        scope="data",
        floors=shown.FLOORS,
        shows=shown.HEADLINES,
    )
    yield Measure(
        name="shift",
        takes=ALL,
        problems=SHIFTED,
        summary="accuracy (R2, or another headline) under distribution shifts, by severity, and their mean",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        options=ShiftOptions,
        run="harness_quality.shift:run",
        shares_process=True,
        prepares="harness.api.declaring:shift_pairs",
        axes=shown_shifts.SHIFT_AXES,
        shows=shown_shifts.SHIFT,
        charts=shown_shifts.SHIFT_CHARTS,
        gallery=shown_shifts.SHIFT_GALLERY,
    )
    yield Measure(
        name="natural_shift",
        takes=ALL,
        summary="accuracy on data sets that are shifts of the data, against clean examples of the same classes",
        source="Taori et al. 2020, arXiv:2007.00644; Newcombe 1998, Statistics in Medicine 17:873 and 17:2635",
        options=NaturalShiftOptions,
        run="harness_quality.natural_shift:run",
        shares_process=True,
        axes=shown_shifts.NATURAL_AXES,
        shows=shown_shifts.NATURAL,
        charts=shown_shifts.NATURAL_CHARTS,
    )
    yield Measure(
        name="effective_robustness",
        takes=ALL,
        summary="accuracy under shift beyond what clean accuracy predicts by a fit over the models",
        source="Taori et al. 2020, arXiv:2007.00644",
        options=EffectiveRobustnessOptions,
        run="harness_quality.effective_robustness:run",
        unfit="harness_quality.unfit:effective_robustness",
        over=("architecture", "recipe"),
        prepares="harness.api.declaring:shift_pairs",
        reads=("shift",),
        axes=shown_shifts.EFFECTIVE_AXES,
        shows=shown_shifts.EFFECTIVE,
        charts=shown_shifts.EFFECTIVE_CHARTS,
    )
    sequences = "Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4.2 (ImageNet-P)"
    yield Measure(
        name="flip_rate",
        takes=("image",),
        summary="how often answers flip over sequences of small changes",
        source=sequences,
        options=FlipRateOptions,
        run="harness_quality.flip_rate:run",
        shares_process=True,
        axes=shown_shifts.FLIP_AXES,
        shows=shown_shifts.FLIPS,
        charts=shown_shifts.FLIP_CHARTS,
    )
    yield Measure(
        name="mfr",
        takes=("image",),
        summary="mean flip rate over sequences of small changes, against a reference architecture",
        source=sequences,
        options=MeanFlipRateOptions,
        run="harness_quality.flip_rate:run_against_reference",
        over=("architecture", "recipe"),
        axes=shown_shifts.FLIP_AXES,
        shows=shown_shifts.MFR,
        charts=shown_shifts.MFR_CHARTS,
    )
    yield Measure(
        name="mce",
        takes=("image",),
        summary="mCE and relative mCE over the 15 corruptions of ImageNet-C, against a reference architecture",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        options=MceOptions,
        run="harness_quality.mce:run",
        unfit="harness_quality.unfit:mce",
        over=("architecture", "recipe"),
        prepares="harness_quality.options:mce_pairs",
        reads=("shift",),
        axes=shown_shifts.MCE_AXES,
        shows=shown_shifts.MCE,
        charts=shown_shifts.MCE_CHARTS,
    )
