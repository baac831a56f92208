"""Texts of a person's own as examples: which files, what becomes a token, and what is learnt for that."""
