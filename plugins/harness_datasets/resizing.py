"""Pictures decoded and resized as one library or another does it; their answers differ.

Pillow and torch (antialias=True) smooth where a picture shrinks, torch by default and OpenCV do not, but for
OpenCV's INTER_AREA; so a network that was trained on the one meets aliased edges from the other (Parmar, Zhang
& Zhu 2022, arXiv:2104.11222).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.api import DataError, NotApplicable

Size = tuple[int, int]
PILLOW = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "area": "BOX"}
OPENCV = {"nearest": "NEAREST", "bilinear": "LINEAR", "bicubic": "CUBIC", "area": "AREA"}


def resize(image: Any, size: Size, interpolation: str, resizer: str) -> Any:
    """Return a picture of Pillow, "RGB" or "L", in another size (height, width), by a library.

    Raises:
        NotApplicable: OpenCV is asked for and not installed.
    """
    from PIL import Image

    height, width = size
    if resizer == "pillow":
        return image.resize((width, height), Image.Resampling[PILLOW[interpolation]])
    pixels = np.asarray(image)
    if resizer == "opencv":
        cv2 = import_opencv()
        flag = getattr(cv2, f"INTER_{OPENCV[interpolation]}")
        return Image.fromarray(cv2.resize(pixels, (width, height), interpolation=flag))
    return Image.fromarray(_by_torch(pixels, size, interpolation, resizer == "torch"))


def decode_by_opencv(path: Any, colour: bool) -> Any:
    """Return a file, or what has `read_bytes`, as a picture of Pillow, "RGB" or "L", of 8 bits and upright, as OpenCV reads it.

    Raises:
        DataError: OpenCV cannot read it.
        NotApplicable: OpenCV is not installed.
    """
    from PIL import Image

    cv2 = import_opencv()
    flag = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), flag)
    if pixels is None:
        raise DataError(f"{path} cannot be read as an image by OpenCV")
    return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if colour else pixels)


def import_opencv() -> Any:
    """Return the module cv2.

    Raises:
        NotApplicable: It is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise NotApplicable(
            "OpenCV is not installed: pip install 'model-harness[opencv]'"
        ) from error
    return cv2


def _by_torch(pixels: Any, size: Size, interpolation: str, smoothed: bool) -> Any:
    """Return uint8 pixels ``(height, width[, 3])`` resized by torch's interpolate, rounded to 8 bits."""
    import torch
    from torch.nn import functional

    grey = pixels.ndim == 2
    image = torch.from_numpy(pixels.copy()).float()
    image = image[None] if grey else image.permute(2, 0, 1)
    mode = "nearest-exact" if interpolation == "nearest" else interpolation
    linear = interpolation in ("bilinear", "bicubic")
    resized = functional.interpolate(
        image[None],
        size,
        mode=mode,
        align_corners=False if linear else None,
        antialias=smoothed and linear,
    )[0]
    rounded = resized.round().clamp(0, 255).to(torch.uint8)
    return (rounded[0] if grey else rounded.permute(1, 2, 0)).contiguous().numpy()
