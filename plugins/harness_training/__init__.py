"""Built-in training."""
