"""Measures of how training went, and of what it left: registered by `harness_training`."""
