"""The permutation test of paired differences: how likely their sum is if each sign were a coin's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_HALVINGS = 200  # of the bracket of the saddlepoint, down to the last digit of float64
_LEAST = 1e-4  # deviations from the middle, where the formula divides nothing by nothing


def sign_flip_p_value(differences: Array) -> float:
    """Return the two-sided p value that differences ``(n,)`` are symmetric around 0.

    That is what two models equally good on each example make of their losses. A t test of these says little where
    one example has most of the loss, as is common of squared errors: its t cannot pass 1 by much then, whatever
    the other examples say. The test is Fisher's and Pitman's (1937, Suppl. JRSS 4:119); the tail of the sum over all
    2^n signs is the saddlepoint approximation of Lugannani & Rice (1980, Adv. Appl. Prob. 12:475), as Robinson (1982, JRSS B 44:91) has
    it for such tests, with K(s) = sum log cosh(s d). It is no smaller than two of the 2^n.
    """
    from scipy import special

    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return 1.0
    total = abs(float((differences / sizes.max()).sum()))
    sizes = sizes / sizes.max()
    least = 2.0 ** (1 - len(sizes))
    if total >= float(sizes.sum()) * (1 - 1e-12):  # all have one sign
        return least
    low, high = 0.0, 1.0
    while float((sizes * np.tanh(high * sizes)).sum()) < total:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = float((sizes * np.tanh(middle * sizes)).sum()) < total
        low, high = (middle, high) if below else (low, middle)
    at = high * sizes
    growth = float((at + np.log1p(np.exp(-2 * at))).sum()) - len(at) * math.log(2)
    bend = float(np.square(sizes / np.cosh(np.minimum(at, 300.0))).sum())
    root, scaled = math.sqrt(max(2 * (high * total - growth), 0.0)), high * math.sqrt(bend)
    if root < _LEAST:
        return 1.0
    density = math.exp(-root * root / 2) / math.sqrt(2 * math.pi)
    tail = float(special.ndtr(-root)) + density * (1 / scaled - 1 / root)
    return min(1.0, max(2 * tail, least))
