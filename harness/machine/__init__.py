"""The machine: its devices, load, energy counters, ceilings, and the environment that a figure was taken in."""
