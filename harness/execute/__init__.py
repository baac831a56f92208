"""Running a plan: jobs in processes of their own, scheduled on what the machine has."""
