"""What a report is given, a `ReportData`, and what it is made of."""

from harness.catalogue.cache import cached_text
from harness.machine.ceilings import say_rate
from harness.summary.gallery import Answer, Change, Curve, FooledExample, Gallery, Picture
from harness.summary.report_data import (
    Column,
    DatasetInfo,
    Figure,
    ModelFinding,
    ReportData,
    RobustPoint,
    Row,
    ShiftPoint,
    TransferPoint,
    Unfinished,
)
from harness.summary.timing_samples import batch_size_of, figures_of_batch

__all__ = [
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
    "ReportData",
    "RobustPoint",
    "Row",
    "ShiftPoint",
    "TransferPoint",
    "Unfinished",
    "batch_size_of",
    "cached_text",
    "figures_of_batch",
    "say_rate",
]
