"""`textures`: patches of three photographs of surfaces."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import TexturesOptions
from harness_datasets.scikit_image_files import find_file

CLASSES = ("brick", "grass", "gravel")


def load(options: TexturesOptions) -> LoadedData:
    """Load grey patches ``(examples, 1, size, size)``, side by side in photographs of 512 x 512 pixels.

    The cut is by the rows of patches: the lowest are for testing, and those above them for validation, so that
    training has nothing of what is next to most of these.

    Raises:
        NotApplicable: scikit-image, which has them, is not installed.
    """
    from PIL import Image

    size = options.size
    patches, targets, rows = [], [], []
    for target, name in enumerate(CLASSES):
        with Image.open(find_file(f"{name}.png")) as image:
            pixels = np.asarray(image.convert("L"))
        count = len(pixels) // size
        cut = pixels[: count * size, : count * size].reshape(count, size, count, size)
        patches.append(cut.transpose(0, 2, 1, 3).reshape(-1, 1, size, size))
        targets.append(np.full(count**2, target))
        rows.append(np.repeat(np.arange(count), count))
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=np.concatenate(patches),
        targets=np.concatenate(targets),
        order=np.concatenate(rows).astype(np.float64),
        class_names=CLASSES,
        scale=1 / 255,
        low=0.0,
        high=1.0,
    )
