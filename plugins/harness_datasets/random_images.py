"""`random_images`: uniform noise of any size, to time models on; there is nothing to learn."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import RandomImagesOptions


def load(options: RandomImagesOptions) -> LoadedData:
    """Make 8-bit images ``(examples, channels, size, size)``, read as 0 to 1, with random labels."""
    generator = np.random.default_rng(0)
    shape = (options.examples, options.channels, options.size, options.size)
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=generator.integers(0, 256, shape, dtype=np.uint8),
        targets=np.arange(options.examples) % options.classes,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=tuple(str(name) for name in range(options.classes)),
    )
