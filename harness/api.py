"""Everything that a plugin may import. Light: no torch, no pandas."""

from harness.catalogue.cache import cached_text
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
    Shown,
)
from harness.catalogue.references import call, resolve
from harness.data.budget import Budget
from harness.data.draws import Draws, derive
from harness.data.recurrence import differentiable_recurrence
from harness.data.task import InputSpec, LoadedData, Task
from harness.data.torchvision_import import import_timm, import_torchvision
from harness.errors import DataError, NotApplicable, PluginError, UsageError
from harness.machine.ceilings import Ceiling, Ceilings, say_rate
from harness.machine.devices import total_memory
from harness.machine.energy import Meter, open_meter
from harness.machine.environment import read_ceilings
from harness.measure.context import Examples, FittedModel, MeasureContext
from harness.measure.execution import compile_model, is_out_of_memory, precise, refusing
from harness.measure.finding import Finding
from harness.measure.flops import FlopCount, ParameterCount, count_flops, count_parameters
from harness.measure.intervals import Z95, wilson
from harness.measure.memory import CudaPeaks, ResidentPeak, cuda_peaks, peak_resident
from harness.measure.metric import Metric
from harness.measure.model_copy import copy_model
from harness.measure.tensor_memory import (
    TensorPeak,
    inference_peak,
    predict_largest_batch,
    tensor_peak,
    training_peak,
)
from harness.measure.timing import Timing, median_interval, synchroniser, time_calls
from harness.measure.traffic import count_traffic
from harness.measure.training_step import adamw_with_state, training_step
from harness.plan.tables import parse_fraction, parse_size
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
    "Z95",
    "Answer",
    "Architecture",
    "Attack",
    "Augmentation",
    "Budget",
    "Ceiling",
    "Ceilings",
    "Change",
    "Chosen",
    "Column",
    "CudaPeaks",
    "Curve",
    "DataError",
    "Dataset",
    "DatasetInfo",
    "Draws",
    "Engine",
    "Examples",
    "Figure",
    "Finding",
    "FittedModel",
    "FlopCount",
    "FooledExample",
    "Gallery",
    "InputSpec",
    "LoadedData",
    "Measure",
    "MeasureContext",
    "Meter",
    "Metric",
    "ModelFinding",
    "NotApplicable",
    "Objective",
    "Optimizer",
    "ParameterCount",
    "Picture",
    "PluginError",
    "Refers",
    "Report",
    "ReportData",
    "ResidentPeak",
    "RobustPoint",
    "Row",
    "Schedule",
    "Shift",
    "ShiftPoint",
    "Shown",
    "Task",
    "TensorPeak",
    "Timing",
    "TransferPoint",
    "Unfinished",
    "UsageError",
    "adamw_with_state",
    "batch_size_of",
    "cached_text",
    "call",
    "compile_model",
    "copy_model",
    "count_flops",
    "count_parameters",
    "count_traffic",
    "cuda_peaks",
    "derive",
    "differentiable_recurrence",
    "figures_of_batch",
    "hookimpl",
    "import_timm",
    "import_torchvision",
    "inference_peak",
    "is_out_of_memory",
    "median_interval",
    "open_meter",
    "parse_fraction",
    "parse_size",
    "peak_resident",
    "precise",
    "predict_largest_batch",
    "read_ceilings",
    "refusing",
    "resolve",
    "say_rate",
    "synchroniser",
    "tensor_peak",
    "time_calls",
    "total_memory",
    "training_peak",
    "training_step",
    "wilson",
]
