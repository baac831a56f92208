"""Data: what a task is, how examples are split, and how a model is adapted to them."""
