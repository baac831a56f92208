"""What a plugin's author needs: the kinds of items, and what their functions are given and return.

`harness.api.declaring` has what else items declare (charts, verdicts, outlines of files, quantities in options),
`harness.api.measuring` what measures of one's own may build on (timing, memory, FLOPs, intervals, running
other items), `harness.api.reporting` what a report is given, `harness.api.running` what engines and observers
are, `harness.api.training` what techniques are written with, `harness.api.nodes` what engines of other machines build on, `harness.api.layers` what modalities are brought to networks with, and `harness.api.testing` what the tests of a
plugin use. A plugin imports nothing else of the harness. All but the layers are light: importing them imports neither
torch nor pandas.
"""

from harness.catalogue.charts import Curve, Grid
from harness.catalogue.finding import Finding
from harness.catalogue.hookspecs import hookimpl
from harness.catalogue.item import Refers
from harness.catalogue.kinds import (
    Architecture,
    Attack,
    Augmentation,
    Certificate,
    Dataset,
    Measure,
    Objective,
    Optimizer,
    Schedule,
    Shift,
    Technique,
)
from harness.catalogue.options import Options
from harness.catalogue.run_kinds import Engine, Report
from harness.catalogue.shown import Axis, Shown
from harness.catalogue.subjects import ExampleSort, Modality, Problem, ReadAs
from harness.catalogue.torchvision_import import import_timm, import_torchvision
from harness.data.budget import Budget
from harness.data.draws import Draws
from harness.data.notes import DataNote
from harness.data.preprocessing import Preprocessing
from harness.data.recurrence import differentiable_recurrence
from harness.data.task import Encoded, InputSpec, LoadedData, Task
from harness.data.text_code import TextCode
from harness.errors import DataError, NotApplicable, PluginError, UsageError
from harness.measure.context import AttackContext, Examples, FittedModel, MeasureContext
from harness.measure.metric import Metric

__all__ = [
    "Architecture",
    "Attack",
    "AttackContext",
    "Augmentation",
    "Axis",
    "Budget",
    "Certificate",
    "Curve",
    "DataError",
    "DataNote",
    "Dataset",
    "Draws",
    "Encoded",
    "Engine",
    "ExampleSort",
    "Examples",
    "Finding",
    "FittedModel",
    "Grid",
    "InputSpec",
    "LoadedData",
    "Measure",
    "MeasureContext",
    "Metric",
    "Modality",
    "NotApplicable",
    "Objective",
    "Optimizer",
    "Options",
    "PluginError",
    "Preprocessing",
    "Problem",
    "ReadAs",
    "Refers",
    "Report",
    "Schedule",
    "Shift",
    "Shown",
    "Task",
    "Technique",
    "TextCode",
    "UsageError",
    "differentiable_recurrence",
    "hookimpl",
    "import_timm",
    "import_torchvision",
]
