"""What a technique is written with: the hooks of a fit, what they are told of it, and which parameters make the outputs."""

from harness.train.head import head_parameters
from harness.train.techniques import Fitting, TrainingHooks

__all__ = ["Fitting", "TrainingHooks", "head_parameters"]
