"""What a report is given, a `ReportData`, and what it is made of; and `counted`, `headed` and `list_some`, for sentences.

The parts of a gallery are in `harness.api.measuring`.
"""

from harness.catalogue.cache import cached_text
from harness.catalogue.counts import counted, headed, list_some
from harness.machine.ceilings import say_rate
from harness.plan.axes import CONDITION_AXES, TRIAL_AXES
from harness.summary.chart_data import (
    ChartData,
    CurveChart,
    CurvePoint,
    GridCell,
    GridChart,
    Limit,
    LogitLine,
    Scale,
    ScatterChart,
    ScatterPoint,
    Told,
)
from harness.summary.figure import Figure
from harness.summary.report_data import (
    THE_DATA,
    ClaimPart,
    Column,
    DatasetInfo,
    JudgedClaim,
    ModelFinding,
    Provenance,
    ReportData,
    Row,
    ShownSheet,
    Tie,
    TrainingInfo,
    Unfinished,
)
from harness.summary.run_times import RunTimes, TimeShare
from harness.summary.timing_samples import TimedFigure, condition_of, figures_under

__all__ = [
    "CONDITION_AXES",
    "THE_DATA",
    "TRIAL_AXES",
    "ChartData",
    "ClaimPart",
    "Column",
    "CurveChart",
    "CurvePoint",
    "DatasetInfo",
    "Figure",
    "GridCell",
    "GridChart",
    "JudgedClaim",
    "Limit",
    "LogitLine",
    "ModelFinding",
    "Provenance",
    "ReportData",
    "Row",
    "RunTimes",
    "Scale",
    "ScatterChart",
    "ScatterPoint",
    "ShownSheet",
    "Tie",
    "TimeShare",
    "TimedFigure",
    "Told",
    "TrainingInfo",
    "Unfinished",
    "cached_text",
    "condition_of",
    "counted",
    "figures_under",
    "headed",
    "list_some",
    "say_rate",
]
