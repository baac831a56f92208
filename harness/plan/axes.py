"""The axes of a trial: what tells jobs, and the rows of a table, apart. One list, read by all."""

from __future__ import annotations

TRIAL_AXES = ("architecture", "dataset", "recipe", "seed", "precision", "device")
JOB_AXES = (*TRIAL_AXES, "measure")
ROW_AXES = tuple(axis for axis in TRIAL_AXES if axis != "seed")
"""What a row of the tables stands for: figures are over its seeds."""
CONDITION_AXES = tuple(axis for axis in ROW_AXES if axis not in ("architecture", "dataset"))
"""What tells the rows of one architecture on one data set apart; said once where all rows share it."""
