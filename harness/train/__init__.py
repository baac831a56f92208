"""Training: the loop, the search for a learning rate, and checkpoints."""
