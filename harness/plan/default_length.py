"""For how many epochs is trained where a recipe does not say it: known to fits, and to plans that foretell them."""

from __future__ import annotations

import math

EPOCHS, STEPS = 20, 500
"""So many epochs, or as many as make so many steps where that is more."""


def default_epochs(examples: int, batch_size: int) -> int:
    """Return the epochs, for every architecture the same. examples: for training."""
    steps_an_epoch = max(1, math.ceil(examples / batch_size))
    return max(EPOCHS, math.ceil(STEPS / steps_an_epoch))
