"""Pictures to JPEG and back, by Pillow: one by one, or small ones as one tall picture. Pixels are whole numbers, 0 to 255.

What surrounds Pillow's codec takes ten times as long for a picture of 32 px as the codec, so small ones are put one below
the other. What is read is bit by bit that of a file for each: a file codes blocks of 8 by 8 pixels, none of which
knows of the others. Only where colours, which are kept at half the resolution, are spread over pixels do neighbours
matter: the first and last row of a picture are made here, as libjpeg-turbo does (jdsample.c, jdcolor.c).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

Levels = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int32]]

BLOCK = 8  # pixels; of colours at half the resolution twice as many
LARGEST = 64 * 64  # pixels of a picture in colour up to which a tall one pays
BITS = 16  # of fractions in whole numbers
# What red takes of the second colour difference, green of both and blue of the first (JFIF 1.02, to its digits).
RED, GREEN, BLUE = (round(one * (1 << BITS)) for one in (1.402, 0.34414, 1.772))
GREEN_OF_RED = round(0.71414 * (1 << BITS))


def read_back(picture: Levels, quality: int) -> list[Levels]:
    """Return the channels of a picture ``(channels, height, width)``, of one or three, as they come back from a file.

    Files are those of `Image.save`, less a header in Python.
    """
    mode, (_, height, width) = _mode(picture), picture.shape
    return _read((width, height), _file(picture, quality), mode, mode, "")


def grey_stack(pictures: Levels, quality: int) -> Levels:
    """Return `read_back` of each of grey pictures ``(pictures, height, width)``."""
    number, height, width = pictures.shape
    below = -height % BLOCK  # rows that the codec would repeat
    if below:
        pictures = np.pad(pictures, ((0, 0), (0, below), (0, 0)), mode="edge")
    (read,) = read_back(pictures.reshape(1, -1, width), quality)
    return read.reshape(number, -1, width)[:, :height]


def is_stack_of_colour(height: int, width: int) -> bool:
    """Whether `colour_stack` takes such pictures: of whole blocks, and not so large that one by one is as quick."""
    return height % (2 * BLOCK) == 0 and 2 * BLOCK <= width and height * width <= LARGEST


def colour_stack(pictures: Levels, quality: int) -> Levels:
    """Return `read_back` of each of pictures in colour ``(3, pictures, height, width)``."""
    _, number, height, width = pictures.shape
    rows, file = number * height, _file(pictures, quality)

    def read(mode: str, smaller: int) -> Levels:
        size = (math.ceil(width / smaller), rows // smaller)
        return np.stack(_read(size, file, mode, mode, "", smaller, 0))

    found = read("RGB", 1).reshape(3, number, height, width)
    bright = read("L", 1).reshape(number, height, width)[:, :: height - 1]
    # At half the size the codec gives colours as they are in the file.
    _, *colours = read("YCbCr", 2).reshape(3, number, height // 2, -1)
    spread = (_spread(one[:, :: height // 2 - 1])[..., :width] for one in colours)
    found[:, :, :: height - 1] = _red_green_blue(bright, *spread)
    return found


def _spread(half: Levels) -> Numbers:
    """Return colours of ``(..., width)`` for twice as many pixels of rows at an edge, beyond which there is the same again.

    Of a pixel 3/4 is the colour that it lies in, and 1/4 that beside it. Halves are rounded up and down by turns.
    """
    inner = np.pad(half.astype(np.int32), ((0, 0), (0, 0), (1, 1)), mode="edge")
    before, itself, after = inner[..., :-2], 3 * inner[..., 1:-1], inner[..., 2:]
    found = np.empty((*half.shape, 2), np.int32)
    found[..., 0] = ((itself + before) * 4 + 8) >> 4
    found[..., 1] = ((itself + after) * 4 + 7) >> 4
    return found.reshape(*half.shape[:-1], -1)


def _red_green_blue(bright: Levels, blue: Numbers, red: Numbers) -> Levels:
    blue, red, half = blue - 128, red - 128, 1 << (BITS - 1)
    added = (RED * red, -GREEN * blue - GREEN_OF_RED * red, BLUE * blue)
    found = np.stack([bright + ((one + half) >> BITS) for one in added])
    return found.clip(0, 255).astype(np.uint8)


def _file(picture: Levels, quality: int) -> bytes:
    """Return the file of a picture ``(channels, ..., width)``: all that is between is its height."""
    mode = _mode(picture)
    size = (picture.shape[-1], picture[0].size // picture.shape[-1])
    bands = [
        Image.frombuffer("L", size, np.ascontiguousarray(one), "raw", "L", 0, 1) for one in picture
    ]
    image = Image.merge(mode, bands) if len(bands) > 1 else bands[0]
    return image.tobytes("jpeg", mode, quality)


def _read(size: tuple[int, int], file: bytes, mode: str, *how: Any) -> list[Levels]:
    """Return each channel ``(height, width)``."""
    picture = Image.frombytes(mode, size, file, "jpeg", *how)
    bands = [picture.tobytes("raw", one) for one in picture.getbands()]
    return [np.frombuffer(one, np.uint8).reshape(size[::-1]) for one in bands]


def _mode(picture: Levels) -> str:
    return "RGB" if len(picture) == 3 else "L"
