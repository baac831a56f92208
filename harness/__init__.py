"""Which model should I take for my data and my machine?"""
