"""`imagefolder`: a person's own images, a folder for each class."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, LoadedData
from harness_datasets.options import ImageFolderOptions
from harness_datasets.paths import find_folder

SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

Array = np.ndarray[Any, np.dtype[Any]]


class ImageFiles:
    """Images that are read as they are asked for: uint8 ``(examples, channels, size, size)``."""

    def __init__(self, files: list[Path], channels: int, size: int) -> None:
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
            DataError: A file is no image, or so large that Pillow suspects an attack.
        """
        images = [read_image(path, *self.shape[1:3]) for path in self.files[index]]
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)


def read_image(path: Path, channels: int, size: int) -> Array:
    """Read a file as uint8 ``(channels, size, size)``.

    It is turned as its EXIF orientation says; the shorter side is resized to `size` (bicubic, with
    antialiasing) and the centre is cropped. Of an animation the first picture counts; what is
    transparent becomes black.

    Raises:
        DataError: The file is no image, or so large that Pillow suspects an attack.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened)
                image = to_mode(image, "L" if channels == 1 else "RGB")
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


def to_mode(image: Any, mode: str) -> Any:
    """Return an image as "L" or "RGB"; 16-bit greys are scaled to 8, not cut off."""
    if image.mode.startswith("I;16"):
        from PIL import Image

        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        from PIL import Image

        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image)
    return image.convert(mode)


def load(options: ImageFolderOptions) -> LoadedData:
    """List the images of a folder.

    Layouts: ``path/<class>/*`` (the splits are cut later) or ``path/<split>/<class>/*`` with train,
    val (or valid, validation) and test. Where there is no test, val is the test, as is usual with
    ImageNet. Files without the suffix of an image, and hidden ones, do not count; images may lie in
    folders below a class.

    Raises:
        DataError: A class without images, no classes, or splits with different classes.
    """
    (root,) = find_folder(options)
    folders = find_splits(root, options.test_only)
    names = {folder: [path.name for path in subfolders(folder)] for folder in folders}
    first, *others = folders
    class_names = names[first]
    if len(class_names) < 2:
        raise DataError(
            f"{first} has {len(class_names)} class folders; two or more are needed, each with "
            f"the images of one class"
        )
    for folder in others:
        if names[folder] != class_names:
            odd = sorted(set(names[folder]) ^ set(class_names))
            raise DataError(
                f"{first} and {folder} have different classes; only one of them has: "
                f"{', '.join(odd[:8])}{', ...' if len(odd) > 8 else ''}"
            )
    files: list[Path] = []
    targets: list[int] = []
    splits: list[str] = []
    for folder, split in folders.items():
        for index, name in enumerate(class_names):
            found = find_images(folder / name)
            files += found
            targets += [index] * len(found)
            splits += [split] * len(found)
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=ImageFiles(files, options.channels, options.size),
        targets=np.array(targets, dtype="int64"),
        split=None if list(folders) == [root] and not options.test_only else splits,
        scale=1 / 255,
        low=0.0,
        high=1.0,
        class_names=tuple(class_names),
    )


def find_splits(root: Path, test_only: bool) -> dict[Path, str]:
    """Return the folders whose children are classes, and the split that each is.

    Raises:
        DataError: Two folders are the same split, or splits stand beside other folders.
    """
    below = subfolders(root)
    splits = [path for path in below if path.name.lower() in SPLITS]
    odd = [path.name for path in below if path not in splits]
    if not splits or (odd and len(splits) == 1):  # "train" is also a vehicle
        return {root: "test" if test_only else ""}
    if odd:
        names = ", ".join(path.name for path in splits)
        raise DataError(f"{root} has splits ({names}) beside {', '.join(odd[:8])}")
    by_split: dict[str, Path] = {}
    for path in splits:
        split = SPLITS[path.name.lower()]
        if split in by_split:
            raise DataError(f"{by_split[split]} and {path} would both be the {split} split")
        by_split[split] = path
    if test_only or list(by_split) == ["validation"] or list(by_split) == ["test"]:
        chosen = by_split.get("test") or by_split.get("validation")
        if chosen is None:
            raise DataError(f"{root} has neither val/ nor test/, which test_only asks for")
        return {chosen: "test"}
    if "train" not in by_split:
        raise DataError(f"{root} has {' and '.join(by_split)} but no train/; say test_only=true")
    if "test" not in by_split and "validation" in by_split:
        by_split["test"] = by_split.pop("validation")
    return {path: split for split, path in by_split.items()}


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name, without hidden ones."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def find_images(folder: Path) -> list[Path]:
    """Return the images at any depth below a folder, sorted.

    Raises:
        DataError: There are none.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                found.append(Path(parent, name))
    if not found:
        raise DataError(f"{folder} has no images; those count that end in {', '.join(SUFFIXES)}")
    return sorted(found)
