"""What a technique is written with: the hooks of a fit, and what they are told of it. Importing it imports no torch."""

from harness.train.techniques import Fitting, TrainingHooks

__all__ = ["Fitting", "TrainingHooks"]
