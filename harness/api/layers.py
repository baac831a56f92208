"""The layers that modalities are brought to networks with. Importing it imports torch."""

from harness.data.first_layers import (
    MatchChannels,
    Normalise,
    Preprocess,
    Rescale,
    Resize,
    standardise,
)

__all__ = ["MatchChannels", "Normalise", "Preprocess", "Rescale", "Resize", "standardise"]
