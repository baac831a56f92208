"""Tar archives as webdataset writes them, and what may be wrong with one."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(number: int, side: int = 12) -> bytes:
    """A PNG whose pixels tell its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_shard(path: Path, members: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def examples(first: int, count: int) -> dict[str, bytes]:
    """Images and classes 0, 1 and 2, by turns."""
    found = {}
    for number in range(first, first + count):
        found[f"a/{number:04}.png"] = picture(number)
        found[f"a/{number:04}.cls"] = str(number % 3).encode()
    return found
