"""The layers that modalities are brought to networks with, and the parameters of those that make the outputs. Importing it
imports torch.
"""

from harness.data.first_layers import (
    MatchChannels,
    Normalise,
    Preprocess,
    Rescale,
    Resize,
    standardise,
)
from harness.train.head import head_parameters

__all__ = [
    "MatchChannels",
    "Normalise",
    "Preprocess",
    "Rescale",
    "Resize",
    "head_parameters",
    "standardise",
]
