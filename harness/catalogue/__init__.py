"""What the plugins provide: kinds of items, hooks, the host that loads plugins."""
