"""`imagefolder`: a person's own images, a folder for each class."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.api import DataError, Finding, LoadedData, NotApplicable, Preprocessing
from harness.api.declaring import Outline, in_parallel
from harness_datasets.folders import Layout, join_sentences, name_of, of_folder, read_layout
from harness_datasets.options import ImageFolderOptions, PictureOptions
from harness_datasets.paths import find_folder
from harness_datasets.pixels import to_eight_bit
from harness_datasets.resizing import decode_by_opencv, resize

SIZE = 224  # as most published weights take it
MASK_WORDS = {
    "mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentations",
}  # fmt: skip
LOOKED_AT = 20  # images, whose sizes say whether all are small

Array = np.ndarray[Any, np.dtype[Any]]

SKIP = "skip_broken=true leaves out images that cannot be read"


class ImageSource(Protocol):
    """Where an image is: a path, or a part of a larger file. `str` of it names it in messages."""

    def is_file(self) -> bool:
        """Return whether it is there."""
        ...

    def read_bytes(self) -> bytes:
        """Return what a file of it would hold."""
        ...


class ImageFiles:
    """Images that are read as they are asked for: uint8 ``(examples, channels, height, width)``."""

    def __init__(
        self,
        files: Sequence[ImageSource],
        channels: int,
        preprocessing: Preprocessing,
        border: int = 0,
        advice: str = "",
    ) -> None:
        """Remember the `files`, of which `border` pixels are cut off each side; nothing is opened yet.

        advice: what may be done about files that cannot be read.
        """
        self.files, self.preprocessing, self.border = files, preprocessing, border
        self.advice = advice
        self.shape = (len(files), channels, *preprocessing.size)
        self.dtype = np.dtype("uint8")

    def __len__(self) -> int:
        """The number of images."""
        return len(self.files)

    def __getitem__(self, index: slice) -> Array:
        """Read the images of a slice.

        Raises:
            DataError: A file is no image, or is refused; the message tells of all such files.
        """
        found = np.empty((len(self.files[index]), *self.shape[1:]), self.dtype)
        self.read_into(index, found)
        return found

    def read_into(self, index: slice, out: Array) -> None:
        """Read the images of a slice to where they are kept, on all cores that this process may use.

        Raises:
            DataError: As above.
        """

        def read(one: tuple[ImageSource, Array]) -> None:
            path, place = one
            place[...] = self._read(path)

        try:
            with quiet_pillow():
                for _ in in_parallel(read, zip(self.files[index], out, strict=True)):
                    pass
        except DataError as error:
            found = list(self.find_broken().values())
            raise DataError(_told(found, self.advice)) from error

    def find_broken(self) -> dict[int, str]:
        """Return which files cannot be read as images, by position, and why; every one is read."""

        def look(path: ImageSource) -> str:
            try:
                self._read(path)
            except DataError as error:
                return str(error)
            return ""

        with quiet_pillow():
            said = in_parallel(look, self.files)
            return {position: words for position, words in enumerate(said) if words}

    def _read(self, path: ImageSource) -> Array:
        return read_quietly(path, self.shape[1], self.preprocessing, self.border)


def _told(problems: Sequence[str], advice: str) -> str:
    """Return problems, some of which are images that cannot be read, with what to do about these."""
    end = "; " if len(problems) == 1 else "\n"
    return f"{join_sentences(problems)}{end if advice else ''}{advice}"


def read_image(path: Path, channels: int, preprocessing: Preprocessing, border: int = 0) -> Array:
    """Read a file as uint8 ``(channels, height, width)``.

    It is brought to 8 bits and turned upright (see `pixels`), `border` pixels are cut off each side, then it is
    resized and cropped. Of an animation or a file of several pages the first picture counts.

    Raises:
        DataError: The file is no image, of a mode that is refused, or so large that Pillow suspects
            an attack.
    """
    with quiet_pillow():
        return np.ascontiguousarray(read_quietly(path, channels, preprocessing, border))


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings of odd files from the reader; too many pixels are an error. Once around threads: it is of them all."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_quietly(
    path: ImageSource, channels: int, preprocessing: Preprocessing, border: int = 0
) -> Array:
    """As `read_image`, within `quiet_pillow`; the array need not be contiguous."""
    from PIL import Image

    if not path.is_file():
        what = "is a link, and nothing is there" if os.path.islink(str(path)) else "is no file"
        raise DataError(f"{path} cannot be read as an image: it {what}")
    try:
        with Image.open(path if isinstance(path, Path) else BytesIO(path.read_bytes())) as opened:
            image = to_eight_bit(opened, colour=channels == 3)
        if preprocessing.decoder == "opencv":  # once Pillow has found it honest
            image = decode_by_opencv(path, colour=channels == 3)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: too many pixels to be an honest image: {error}") from None
    except (DataError, NotApplicable):
        raise
    except Exception as error:  # Pillow's decoders raise all sorts on a damaged file
        words = str(error).partition(" <_io.BytesIO")[0]
        raise DataError(f"{path} cannot be read as an image: {words}") from None
    if border:
        if min(image.size) <= 2 * border:
            raise DataError(f"{path} has {image.width} x {image.height} pixels, all of them border")
        image = image.crop((border, border, image.width - border, image.height - border))
    pixels = np.asarray(preprocess(image, preprocessing))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def preprocess(image: Any, preprocessing: Preprocessing) -> Any:
    """Resize a picture of Pillow, "RGB" or "L", and crop its centre."""
    from PIL import ImageOps

    steps = preprocessing.steps(image.height, image.width)
    if steps.resized != (image.height, image.width):
        image = resize(image, steps.resized, preprocessing.interpolation, preprocessing.resizer)
    if any(steps.padding):
        fill = [round(255 * value) for value in preprocessing.fill]
        colour = tuple(fill * (3 // len(fill))) if image.mode == "RGB" else sum(fill) // len(fill)
        image = ImageOps.expand(image, steps.padding, colour)
    (top, left), (height, width) = steps.corner, preprocessing.size
    if (left, top) == (0, 0) and image.size == (width, height):
        return image
    return image.crop((left, top, left + width, top + height))


def own_preprocessing(options: PictureOptions) -> Preprocessing:
    """Return how images are read where the options say so, or nothing else does."""
    size = options.size or options.resize or SIZE
    resize = options.resize or size
    return Preprocessing(
        size=(size, size),
        resize=(resize, resize),
        crop=options.crop or "center",
        interpolation=options.interpolation or "bicubic",
    )


def preprocesses(options: PictureOptions) -> bool:
    """Return whether published weights may say how images are read: the options say nothing of it."""
    said = (options.size, options.resize, options.crop, options.interpolation)
    return all(value is None for value in said)


def load(
    options: ImageFolderOptions,
    preprocessing: Preprocessing | None = None,
    reading: Mapping[str, Any] | None = None,
) -> LoadedData:
    """List the images of a folder (see `folders.read_layout`); they are read as they are asked for.

    preprocessing: what published weights expect; None: what the options say. reading: what of that is to be
        otherwise, by fields of `Preprocessing`.

    With `skip_broken` each is read once before, and those that cannot be read are left out.

    Raises:
        DataError: A class without images, no classes, splits with different classes; all at once,
            with the images that cannot be read.
    """
    (root,) = find_folder(options)
    layout = read_layout(root, options.test_only, options.classes)
    asked = dataclasses.replace(preprocessing or own_preprocessing(options), **(reading or {}))
    inputs = ImageFiles(layout.images, options.channels, asked, advice=SKIP)
    if layout.problems or options.skip_broken:
        broken = inputs.find_broken()
        if layout.problems:
            found = [*layout.problems, *broken.values()]
            told = _told(found, SKIP if broken and not options.skip_broken else "")
            raise DataError(of_folder(root, told))
        layout = layout.without(broken)
        inputs = ImageFiles(layout.images, options.channels, asked, advice=SKIP)
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
        preprocessing=asked.words(),
        keys=digest_files(layout.images),
        name_example=lambda position: str(layout.images[position]),
        columns=layout.columns(),
        names=list(map(name_of, layout.images)),
        notes=(layout.note(),),
        findings=(
            *_find_masks(layout),
            *find_enlarged(layout.images, options, asked, preprocessing),
        ),
    )


def _find_masks(layout: Layout) -> Iterator[Finding]:
    """Yield a finding where two classes have files of the same names throughout, one of which is named as masks are."""
    if not MASK_WORDS.intersection(map(str.lower, layout.class_names)):
        return  # numbered anew in each class, as 0.jpg of cats and of dogs
    names: dict[int, set[str]] = {}
    for path, target in zip(layout.images, layout.targets, strict=True):
        names.setdefault(target, set()).add(path.stem)
    if len(names) == 2 and names[0] == names[1]:
        first, second = layout.class_names
        yield Finding(
            code="masks-as-a-class",
            sentence=f"The two classes, {first!r} and {second!r}, have files of the same {len(names[0])} names, as images and their masks have.",
            advice="If the one are masks of the other, name the folders images and masks: then they are read as masks, a class for each pixel.",
            flag="a class may be masks",
        )


def find_enlarged(
    images: Sequence[ImageSource],
    options: PictureOptions,
    asked: Preprocessing,
    published: Preprocessing | None,
) -> Iterator[Finding]:
    """Yield a finding where nobody asked for a size, and the images that are looked at are all much smaller than the usual one."""
    if options.size is not None or published is not None or asked.size != (SIZE, SIZE):
        return
    sides = [side for side in map(_longer_side, images[:: len(images) // LOOKED_AT + 1]) if side]
    if sides and 2 * max(sides) <= SIZE:
        yield Finding(
            code="enlarged",
            sentence=f"Images are enlarged to {SIZE} x {SIZE}: of {len(sides)} that were looked at none has a side of more than "
            f"{max(sides)} pixels.",
            advice=f"size={max(sides)} takes about 1/{round((SIZE / max(sides)) ** 2)} of the time; leave it where a network wants {SIZE}.",
            numbers={"side": max(sides)},
        )


def _longer_side(source: ImageSource) -> int:
    """Return the longer side of an image in pixels, by its header; 0 where that cannot be read, which reading it tells."""
    from PIL import Image

    try:
        with Image.open(BytesIO(source.read_bytes())) as image:
            return max(image.size)
    except Exception:  # Pillow's decoders raise all sorts on a damaged file
        return 0


def digest_files(files: Sequence[ImageSource]) -> Array:
    """Return SHA-256 of each file, ``(files, 32)``: what an image is known by, however it is read."""

    def digest(path: ImageSource) -> bytes:
        contents = path.read_bytes() if path.is_file() else b""
        return hashlib.sha256(contents).digest()

    return np.frombuffer(b"".join(in_parallel(digest, files)), dtype="uint8").reshape(-1, 32)


def outline(options: ImageFolderOptions) -> Outline:
    """Return the classes of a folder, and the shape of an example where the options settle it.

    Raises:
        DataError: As of `load`, but for images that cannot be read.
    """
    (root,) = find_folder(options)
    layout = read_layout(root, options.test_only, options.classes)
    shape = None
    if not preprocesses(options):
        shape = (options.channels, *own_preprocessing(options).size)
    return Outline(shape=shape, class_names=layout.class_names, columns=tuple(layout.columns()))


def find_files(options: ImageFolderOptions) -> list[Path]:
    """Return the images that `load` reads; the folder where it refuses to.

    Raises:
        UsageError: There is no such folder.
    """
    (root,) = find_folder(options)
    try:
        layout = read_layout(root, options.test_only, options.classes)
    except DataError:
        return [root]
    return list(layout.images) or [root]
