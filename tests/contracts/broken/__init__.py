"""Items that break one contract each: CASES maps a name to (item, how the contract's sentence starts, words of the reason)."""
