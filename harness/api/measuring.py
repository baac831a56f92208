"""What a measure may build on: intervals, timing, memory, FLOPs, the machine, pictures, and
running other items.
"""

from harness.catalogue.chosen import Chosen
from harness.catalogue.gallery import Bar, GalleryExample, Pane, Picture, Sheet, Trace
from harness.catalogue.left_out import LeftOut
from harness.catalogue.references import call, resolve
from harness.data.draws import derive
from harness.data.other_data import OtherData, OtherPart
from harness.machine.ceilings import Ceiling, Ceilings
from harness.machine.devices import total_memory
from harness.machine.energy import Meter, open_meter
from harness.machine.environment import read_ceilings
from harness.measure.boosted_trees import (
    BOOSTED_TREES,
    fit_trees,
    grow_trees,
    read_rows,
    tree_threads,
)
from harness.measure.changes import (
    Share,
    change_interval,
    difference_interval,
    mean_change_interval,
)
from harness.measure.corrupted_copies import corrupted_copies
from harness.measure.doubt import mark_doubtful
from harness.measure.example_inputs import take_inputs
from harness.measure.execution import compile_model, is_out_of_memory, precise, refusing
from harness.measure.fast_path import compare_fast_path, fast_path
from harness.measure.faulty_module import Network, find_faulty_module
from harness.measure.flops import FlopCount, ParameterCount, count_flops, count_parameters
from harness.measure.gradient_check import GradientCheck, check_gradient
from harness.measure.history import FitHistory
from harness.measure.intervals import Z95, wilson
from harness.measure.linear_head import HeadInputs, find_linear_head
from harness.measure.memory import CudaPeaks, ResidentPeak, cuda_peaks, peak_resident
from harness.measure.metric import mean_metric, proportion_metric, share_metric
from harness.measure.model_copy import (
    copy_in_float64,
    copy_model,
    copy_with_random_weights,
    copy_without_scaling,
)
from harness.measure.onnx_session import open_session
from harness.measure.picture import draw_picture, image_levels
from harness.measure.quantiles import median_interval, median_metric
from harness.measure.tensor_memory import (
    TensorPeak,
    inference_peak,
    predict_largest_batch,
    tensor_peak,
    training_peak,
)
from harness.measure.time_blocks import InTime
from harness.measure.timing import Timing, synchroniser, time_calls
from harness.measure.traffic import count_traffic
from harness.measure.training_step import adamw_with_state, can_fuse, training_step
from harness.measure.units import significant
from harness.train.ranks import Ranks

__all__ = [
    "BOOSTED_TREES",
    "Z95",
    "Bar",
    "Ceiling",
    "Ceilings",
    "Chosen",
    "CudaPeaks",
    "FitHistory",
    "FlopCount",
    "GalleryExample",
    "GradientCheck",
    "HeadInputs",
    "InTime",
    "LeftOut",
    "Meter",
    "Network",
    "OtherData",
    "OtherPart",
    "Pane",
    "ParameterCount",
    "Picture",
    "Ranks",
    "ResidentPeak",
    "Share",
    "Sheet",
    "TensorPeak",
    "Timing",
    "Trace",
    "adamw_with_state",
    "call",
    "can_fuse",
    "change_interval",
    "check_gradient",
    "compare_fast_path",
    "compile_model",
    "copy_in_float64",
    "copy_model",
    "copy_with_random_weights",
    "copy_without_scaling",
    "corrupted_copies",
    "count_flops",
    "count_parameters",
    "count_traffic",
    "cuda_peaks",
    "derive",
    "difference_interval",
    "draw_picture",
    "fast_path",
    "find_faulty_module",
    "find_linear_head",
    "fit_trees",
    "grow_trees",
    "image_levels",
    "inference_peak",
    "is_out_of_memory",
    "mark_doubtful",
    "mean_change_interval",
    "mean_metric",
    "median_interval",
    "median_metric",
    "open_meter",
    "open_session",
    "peak_resident",
    "precise",
    "predict_largest_batch",
    "proportion_metric",
    "read_ceilings",
    "read_rows",
    "refusing",
    "resolve",
    "share_metric",
    "significant",
    "synchroniser",
    "take_inputs",
    "tensor_peak",
    "time_calls",
    "total_memory",
    "training_peak",
    "training_step",
    "tree_threads",
    "wilson",
]
