"""The summary of a run: tidy rows, tables, verdicts, and what reports are given."""
