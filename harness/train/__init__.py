"""Training: the loop, what a search tries, and checkpoints."""
