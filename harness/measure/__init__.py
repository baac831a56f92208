"""Measuring: time, memory, FLOPs, and the context that a measure is given."""
