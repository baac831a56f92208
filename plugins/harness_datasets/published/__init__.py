"""Data sets that are shifts of others, in the forms in which they were published."""
