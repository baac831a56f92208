"""Everything that a plugin may import. Light: no torch, no pandas."""

from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.kinds import (
    Architecture,
    Attack,
    Augmentation,
    Chosen,
    Dataset,
    Engine,
    Measure,
    Objective,
    Optimizer,
    Refers,
    Report,
    Schedule,
    Shift,
)
from harness.catalogue.references import call, resolve
from harness.data.budget import Budget
from harness.data.draws import Draws, derive
from harness.data.task import InputSpec, LoadedData, Task
from harness.errors import DataError, NotApplicable, UsageError
from harness.measure.context import MeasureContext
from harness.measure.metric import Metric
from harness.results.report_data import (
    Column,
    DatasetInfo,
    Figure,
    ReportData,
    RobustPoint,
    Row,
    ShiftPoint,
    Unfinished,
)

__all__ = [
    "Architecture",
    "Attack",
    "Augmentation",
    "Budget",
    "Chosen",
    "Column",
    "DataError",
    "Dataset",
    "DatasetInfo",
    "Draws",
    "Engine",
    "Figure",
    "InputSpec",
    "LoadedData",
    "Measure",
    "MeasureContext",
    "Metric",
    "NotApplicable",
    "Objective",
    "Optimizer",
    "Refers",
    "Report",
    "ReportData",
    "RobustPoint",
    "Row",
    "Schedule",
    "Shift",
    "ShiftPoint",
    "Task",
    "Unfinished",
    "UsageError",
    "call",
    "derive",
    "hookimpl",
    "resolve",
]
