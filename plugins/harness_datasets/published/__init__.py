"""Data sets, and shifts of others, in the files in which they were published."""
