"""`imagefolder`: a person's own images, a folder for each class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, LoadedData
from harness_datasets.folders import join_sentences, read_layout
from harness_datasets.options import ImageFolderOptions
from harness_datasets.paths import find_folder
from harness_datasets.pixels import to_eight_bit

Array = np.ndarray[Any, np.dtype[Any]]


class ImageFiles:
    """Images that are read as they are asked for: uint8 ``(examples, channels, size, size)``."""

    def __init__(self, files: Sequence[Path], channels: int, size: int) -> None:
        """Remember the `files`; nothing is opened yet."""
        self.files = files
        self.shape = (len(files), channels, size, size)
        self.dtype = np.dtype("uint8")

    def __len__(self) -> int:
        """The number of images."""
        return len(self.files)

    def __getitem__(self, index: slice) -> Array:
        """Read the images of a slice.

        Raises:
            DataError: A file is no image, or is refused; the message tells of all such files.
        """
        try:
            images = [read_image(path, *self.shape[1:3]) for path in self.files[index]]
        except DataError as error:
            raise DataError(join_sentences(list(self.find_broken().values()))) from error
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)

    def find_broken(self) -> dict[int, str]:
        """Return which files cannot be read as images, by position, and why; every one is read."""
        found = {}
        for position, path in enumerate(self.files):
            try:
                read_image(path, *self.shape[1:3])
            except DataError as error:
                found[position] = str(error)
        return found


def read_image(path: Path, channels: int, size: int) -> Array:
    """Read a file as uint8 ``(channels, size, size)``.

    It is brought to 8 bits and turned upright (see `pixels`); the shorter side is resized to `size`
    (bicubic, with antialiasing) and the centre is cropped. Of an animation or a file of several
    pages the first picture counts.

    Raises:
        DataError: The file is no image, of a mode that is refused, or so large that Pillow suspects
            an attack.
    """
    from PIL import Image

    if not path.is_file():
        what = "is no file" if path.exists() else "is a link, and nothing is there"
        raise DataError(f"{path} cannot be read as an image: it {what}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                image = to_eight_bit(opened, colour=channels == 3)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: too many pixels to be an honest image: {error}") from None
    except Exception as error:  # Pillow's decoders raise all sorts on a damaged file
        raise DataError(f"{path} cannot be read as an image: {error}") from None
    shorter = min(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    pixels = np.asarray(image.crop((left, top, left + size, top + size)))
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def load(options: ImageFolderOptions) -> LoadedData:
    """List the images of a folder (see `folders.read_layout`); they are read as they are asked for.

    With `skip_broken` each is read once before, and those that cannot be read are left out.

    Raises:
        DataError: A class without images, no classes, splits with different classes; all at once,
            with the images that cannot be read.
    """
    (root,) = find_folder(options)
    layout = read_layout(root, options.test_only)
    inputs = ImageFiles(layout.images, options.channels, options.size)
    if layout.problems or options.skip_broken:
        broken = inputs.find_broken()
        if layout.problems:
            raise DataError(f"{root}: {join_sentences([*layout.problems, *broken.values()])}")
        layout = layout.without(broken)
        inputs = ImageFiles(layout.images, options.channels, options.size)
    print(layout.left_out_words(), end="")
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=inputs,
        targets=np.array(layout.targets, dtype="int64"),
        split=layout.splits,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=layout.class_names,
    )


def find_files(options: ImageFolderOptions) -> list[Path]:
    """Return the images that `load` reads; the folder where it refuses to.

    Raises:
        UsageError: There is no such folder.
    """
    (root,) = find_folder(options)
    try:
        layout = read_layout(root, options.test_only)
    except DataError:
        return [root]
    return list(layout.images) or [root]
