"""Attacks on numbers of things, such as tokens of a text: a few of them are changed, put in, left out or swapped."""
