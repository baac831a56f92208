"""Every mode of Pillow as 8-bit grey or colour, upright, by a stated rule, or a refusal in words.

========================  ======================================================================
1, L, P, RGB, RGBX        as they are; 1 bit is 0 and 255, a palette is looked up
CMYK, YCbCr, HSV          by Pillow's formulas; embedded colour profiles are not applied
I;16, I;16B, I;16L, I;16N value / 65535 (TIFF of 12 bits: / 4095), rounded to 255 levels; where a
                          TIFF says that white is zero it is inverted
I of a PGM or PNG         value / maxval (Pillow brings it to 65535)
16-bit colour             Pillow keeps the upper byte of each value
F                         0 is black, 1 is white; values outside are refused
RGBA, LA, PA, transparent laid on black
LAB, I of other formats,  refused: it is not known which value is white
signed integers
========================  ======================================================================

Colour becomes grey by ITU-R 601-2 luma, 0.299 red + 0.587 green + 0.114 blue. A picture is turned
as its EXIF orientation says; one that cannot be understood is ignored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LA", "La", "PA", "RGBA", "RGBa")
SIXTEEN_BITS = 65535
BITS_TAG, PHOTOMETRIC_TAG, FORMAT_TAG = 258, 262, 339  # of TIFF
SIGNED, WHITE_IS_ZERO = 2, 0
ORIENTATION_TAG = 274  # of EXIF
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # orientation: member of Image.Transpose
SIDEWAYS = (5, 6, 7, 8)  # orientations with height and width exchanged
SAVE = "; save it with 8 or 16 bits, grey or RGB"

Array = np.ndarray[Any, np.dtype[Any]]


def to_eight_bit(image: Any, colour: bool) -> Any:
    """Return a picture that Pillow has just opened as "RGB", or as "L", and upright.

    Raises:
        ValueError: It is of a mode that is refused; the message says which, and what to do.
    """
    image.load()  # which turns a TIFF already, and then takes its mark of orientation away
    turn = TURNS.get(exif_orientation(image))
    tags = getattr(image, "tag_v2", {})
    if SIGNED in _values(tags.get(FORMAT_TAG)):
        raise ValueError("it holds signed integers, of which it is not known what is white" + SAVE)
    if image.mode.startswith("I;16"):
        (bits,) = _values(tags.get(BITS_TAG)) or (16,)
        inverted = tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO
        image = _from_grey(image, 2**bits - 1, inverted)
    elif image.mode == "I" and image.format in ("PPM", "PNG"):
        image = _from_grey(image, SIXTEEN_BITS)
    elif image.mode == "F":
        image = _from_grey(image, 1)
    elif image.mode not in PLAIN:
        raise ValueError(f"its mode is {image.mode}, of which it is not known what is white" + SAVE)
    if image.has_transparency_data:
        image = _on_black(image)
    mode = "RGB" if colour else "L"
    image = image if image.mode == mode else image.convert(mode)
    return image if turn is None else image.transpose(turn)


def upright_size(image: Any) -> tuple[int, int]:
    """Return the (height, width) that a picture, just opened, has once it is turned as `to_eight_bit` does."""
    width, height = image.size
    return (width, height) if exif_orientation(image) in SIDEWAYS else (height, width)


def exif_orientation(image: Any) -> int:
    """Return how a picture that Pillow has just opened is turned, 1 (as it is) to 8; 1 where it cannot be understood."""
    try:
        turn = int(image.getexif().get(ORIENTATION_TAG, 1))
        return turn if turn in TURNS else 1
    except Exception:  # whatever a camera wrote there, the picture itself is whole
        return 1


def _from_grey(image: Any, white: int, inverted: bool = False) -> Any:
    """Return value / white of a grey picture as "L"; as "LA" where one value is transparent.

    Raises:
        ValueError: A value is below 0 or above white.
    """
    from PIL import Image

    values: Array = np.asarray(image).astype("float64")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= white):
        raise ValueError(
            f"its values reach from {low:g} to {high:g}; 0 to {white} is needed" + SAVE
        )
    share = values / white
    grey = Image.fromarray(np.rint(255 * (1 - share if inverted else share)).astype("uint8"))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype("uint8")))
    return grey


def _on_black(image: Any) -> Any:
    from PIL import Image

    clear = image.info.get("transparency")
    if isinstance(clear, tuple) and max(clear) > 255:  # of 16 bits, of which the upper byte is kept
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)


def _values(tag: Any) -> tuple[int, ...]:
    """Return a TIFF tag's values, each once; () where the picture has no such tag."""
    if tag is None:
        return ()
    return tuple(sorted(set(tag))) if isinstance(tag, tuple) else (tag,)
