"""Measuring: time, memory, devices and the environment that a figure was taken in."""
