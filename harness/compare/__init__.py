"""Comparing runs: figure against figure, and gates that fail a build."""
