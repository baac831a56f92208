"""A person's own table: its file, what each column is taken for, and what is learnt from training rows."""
