"""What a report is given, a `ReportData`, and what it is made of."""

from harness.catalogue.cache import cached_text
from harness.machine.ceilings import say_rate
from harness.plan.axes import CONDITION_AXES, TRIAL_AXES
from harness.summary.gallery import Answer, Change, Curve, FooledExample, Gallery, Picture
from harness.summary.report_data import (
    THE_DATA,
    Column,
    DatasetInfo,
    Figure,
    ModelFinding,
    Provenance,
    ReportData,
    RobustPoint,
    Row,
    ShiftPoint,
    TrainingInfo,
    TransferPoint,
    Unfinished,
)
from harness.summary.timing_samples import TimedFigure, condition_of, figures_under

__all__ = [
    "CONDITION_AXES",
    "THE_DATA",
    "TRIAL_AXES",
    "Answer",
    "Change",
    "Column",
    "Curve",
    "DatasetInfo",
    "Figure",
    "FooledExample",
    "Gallery",
    "ModelFinding",
    "Picture",
    "Provenance",
    "ReportData",
    "RobustPoint",
    "Row",
    "ShiftPoint",
    "TimedFigure",
    "TrainingInfo",
    "TransferPoint",
    "Unfinished",
    "cached_text",
    "condition_of",
    "figures_under",
    "say_rate",
]
