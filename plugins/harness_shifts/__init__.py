"""Built-in shifts."""
