"""`lfw_subset`: 100 faces and 100 pieces of background."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.scikit_image_files import find_file


def load() -> LoadedData:
    """Load grey images ``(200, 1, 25, 25)`` from 0 to 1: the first half are faces of "Labeled Faces in the Wild".

    Raises:
        NotApplicable: scikit-image, which has them, is not installed.
    """
    images = np.load(find_file("lfw_subset.npy"), allow_pickle=False)
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=images.astype(np.float32)[:, None],
        targets=np.repeat([1, 0], len(images) // 2),
        class_names=("background", "face"),
        low=0.0,
        high=1.0,
    )
