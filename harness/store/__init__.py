"""The store: records of runs and jobs, and how they are written and read back."""
