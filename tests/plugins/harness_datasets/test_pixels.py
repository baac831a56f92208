"""Each mode that Pillow opens: value / white by hand, or a refusal."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness_datasets.pixels import to_eight_bit


def decode(data: bytes, colour: bool = False) -> Any:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(to_eight_bit(image, colour))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pgm(values: list[int], white: int, binary: bool = True) -> bytes:
    head = f"P{5 if binary else 2}\n{len(values)} 1\n{white}\n"
    if not binary:
        return (head + " ".join(map(str, values))).encode()
    return head.encode() + struct.pack(f">{len(values)}{'H' if white > 255 else 'B'}", *values)


def tiff(values: list[int], bits: int, *, photometric: int = 1, sample_format: int = 1) -> bytes:
    """A little-endian TIFF of one row, written by hand, as Pillow cannot write these."""
    if bits == 12:
        packed = bytearray()
        for first, second in zip(values[::2], values[1::2], strict=True):
            packed += bytes((first >> 4, (first & 15) << 4 | second >> 8, second & 255))
        data = bytes(packed)
    else:
        letter = {8: "b", 16: "h", 32: "i"}[bits]
        letter = letter if sample_format == 2 else letter.upper()
        data = struct.pack(f"<{len(values)}{letter}", *values)
    tags = {
        256: len(values), 257: 1, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: 1,
        279: len(data), 339: sample_format,
    }  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


VALUES = [0, 257, 32768, 65535]
EIGHT = [0, 1, 128, 255]  # value / 65535 * 255, rounded


@pytest.mark.parametrize("binary", [True, False], ids=["P5", "P2"])
def test_grey_of_16_bits_as_pgm(binary: bool) -> None:
    assert decode(pgm(VALUES, 65535, binary)).tolist() == [EIGHT]
    assert decode(pgm([0, 341, 512, 1023], 1023, binary)).tolist() == [[0, 85, 128, 255]]
    assert decode(pgm([0, 5, 10], 10, binary)).tolist() == [[0, 128, 255]]


def test_colour_of_16_bits_as_ppm() -> None:
    data = b"P6\n1 1\n1023\n" + struct.pack(">3H", 0, 512, 1023)
    assert decode(data, colour=True).tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
def test_grey_of_16_bits(kind: str) -> None:
    image = Image.fromarray(np.array([VALUES] * 4, dtype="uint16"))
    options = {"irreversible": False} if kind == "JPEG2000" else {}
    data = saved(image, kind, **options)
    assert decode(data).tolist() == [EIGHT] * 4
    assert decode(data, colour=True)[..., 2].tolist() == [EIGHT] * 4


def test_grey_of_16_bits_with_the_larger_byte_first() -> None:
    image = Image.frombytes("I;16B", (4, 1), struct.pack(">4H", *VALUES))
    data = saved(image, "TIFF")
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "I;16B"
    assert decode(data).tolist() == [EIGHT]


def test_tiff_says_how_many_bits_and_which_value_is_white() -> None:
    assert decode(tiff([0, 1365, 2048, 4095], 12)).tolist() == [[0, 85, 128, 255]]
    assert decode(tiff(VALUES, 16)).tolist() == [EIGHT]
    assert decode(tiff(VALUES, 16, photometric=0)).tolist() == [[255, 254, 127, 0]]


def test_16_bits_with_a_transparent_value() -> None:
    image = Image.fromarray(np.array([VALUES], dtype="uint16"))
    assert decode(saved(image, "PNG", transparency=65535)).tolist() == [[0, 1, 128, 0]]


def test_floats_from_black_to_white() -> None:
    for kind in ("TIFF", "PPM"):
        data = saved(Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype="float32")), kind)
        assert decode(data).tolist() == [[0, 128, 255]]
    for wrong in ([[0.0, 255.0]], [[-0.5, 1.0]], [[0.0, float("nan")]]):
        data = saved(Image.fromarray(np.array(wrong, dtype="float32")), "TIFF")
        with pytest.raises(ValueError, match=r"0 to 1 is needed; save it with 8 or 16 bits"):
            decode(data)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_signed_integers_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="signed integers"):
        decode(tiff([-1, 100], bits, sample_format=2))


def test_modes_without_a_known_white_are_refused() -> None:
    for data, mode in (
        (saved(Image.new("LAB", (2, 2)), "TIFF"), "LAB"),
        (tiff([0, 70000], 32), "I"),
    ):
        with pytest.raises(ValueError, match=f"mode is {mode},.* save it with 8 or 16 bits"):
            decode(data)


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "wanted"),
    [
        ("1", 1, "PNG", (255, 255, 255)),
        ("L", 77, "PNG", (77, 77, 77)),
        ("LA", (200, 0), "PNG", (0, 0, 0)),
        ("LA", (200, 255), "PNG", (200, 200, 200)),
        ("RGBA", (200, 100, 50, 0), "PNG", (0, 0, 0)),
        ("RGBA", (200, 100, 50, 51), "PNG", (40, 20, 10)),  # a fifth of it, on black
        ("CMYK", (0, 0, 0, 0), "TIFF", (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), "TIFF", (0, 255, 255)),
        ("YCbCr", (90, 128, 128), "TIFF", (90, 90, 90)),
    ],
)
def test_other_modes(mode: str, colour: Any, kind: str, wanted: tuple[int, int, int]) -> None:
    data = saved(Image.new(mode, (2, 2), colour), kind)
    assert decode(data, colour=True)[0, 0].tolist() == list(wanted)
    red, green, blue = wanted
    luma = round(0.299 * red + 0.587 * green + 0.114 * blue)
    assert abs(int(decode(data)[0, 0]) - luma) <= 1


def test_palettes() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 150, 100])
    image.putpixel((1, 0), 1)
    assert decode(saved(image, "PNG"), colour=True).tolist() == [[[10, 20, 30], [200, 150, 100]]]
    clear = saved(image, "PNG", transparency=1)
    assert decode(clear, colour=True).tolist() == [[[10, 20, 30], [0, 0, 0]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "white"),
    [
        (1, "top"),
        (2, "top"),
        (3, "bottom"),
        (4, "bottom"),
        (5, "left"),
        (6, "right"),
        (7, "right"),
        (8, "left"),
    ],
)
def test_exif_orientation(kind: str, orientation: int, white: str) -> None:
    """As the standard says where the first row and column of each orientation are."""
    pixels = np.zeros((16, 16), dtype=np.uint8)
    pixels[:8] = 255  # the top half
    exif = Image.Exif()
    exif[274] = orientation
    tags = {"tiffinfo": {274: orientation}} if kind == "TIFF" else {"exif": exif}
    found = decode(saved(Image.fromarray(pixels), kind, **tags)).astype(int)
    halves = {
        "top": found[:8], "bottom": found[8:], "left": found[:, :8], "right": found[:, 8:],
    }  # fmt: skip
    means = {name: half.mean() for name, half in halves.items()}
    assert max(means, key=means.__getitem__) == white and means[white] > 240


def test_a_mirrored_picture() -> None:
    pixels = np.zeros((8, 8), dtype=np.uint8)
    pixels[:, 0] = 255
    exif = Image.Exif()
    exif[274] = 2
    found = decode(saved(Image.fromarray(pixels), "PNG", exif=exif))
    assert np.all(found[:, 7] == 255) and np.all(found[:, :7] == 0)


def test_broken_exif_does_not_break_a_picture() -> None:
    image = Image.new("L", (8, 8), 90)
    data = saved(image, "PNG", exif=b"Exif\0\0not a directory")
    assert np.all(decode(data) == 90)


def test_a_picture_is_scaled_and_turned(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2), dtype=np.uint16)
    pixels[0] = 65535
    exif = Image.Exif()
    exif[274] = 3
    data = saved(Image.fromarray(pixels), "PNG", exif=exif)
    assert decode(data).tolist() == [[0, 0], [255, 255]]
