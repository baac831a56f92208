"""Parts of forecast data as scikit-learn takes them."""

from __future__ import annotations

import numpy as np


def parts(data, name):
    at = np.array(data.split) == name
    return data.inputs[at].reshape(at.sum(), -1), data.targets[at][..., 0]


def mase(forecast, targets):
    return np.abs(forecast - targets).mean()
