"""The file that keeps a gallery in a job's folder: ``gallery.json``, and ``gallery_<k>.png`` of the k-th sheet.

The JSON is {"format_version": 2, "sheets": [the fields of `Sheet`]}. A picture is found by the place of its sheet,
whatever the file says: no path is taken from it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.catalogue.gallery import Bar, GalleryExample, Pane, Picture, Sheet, Trace

FILE = "gallery.json"
FORMAT_VERSION = 2  # 1 knew the pictures of attacks alone
MOST_BYTES = 2**23  # of a file; what is larger is no gallery
MOST_LETTERS = 500  # of a text; what is longer is cut
MOST_SIDE = 4096  # pixels of one image of a picture, and between two
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def write_gallery(folder: Path, sheets: Iterable[Sheet]) -> None:
    """Write sheets into a job's folder.

    Raises:
        ValueError, TypeError: A sheet could not be read back: a number is not finite, a text is none, panes
            are no columns of the picture, or its PNG has another size.
    """
    sheets = tuple(sheets)
    for place, sheet in enumerate(sheets):
        _sheet(_sheet_values(sheet), None)
        if sheet.picture and sheet.examples:
            png = sheet.picture.png()
            if png is None or not _is_picture(png, sheet.picture.size(len(sheet.examples))):
                raise ValueError(f"sheet {sheet.title!r}: its picture is not of {sheet.picture}")
            _picture_path(folder, place).write_bytes(png)
    data = {"format_version": FORMAT_VERSION, "sheets": [_sheet_values(sheet) for sheet in sheets]}
    text = json.dumps(data, indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def parse_gallery(data: Mapping[str, Any], folder: Path) -> tuple[Sheet, ...]:
    """Return the sheets that a ``gallery.json`` holds; their pictures lie in the folder.

    Raises:
        ValueError, TypeError, LookupError, AttributeError, OverflowError: It is something else.
    """
    if data["format_version"] != FORMAT_VERSION:
        raise ValueError(f"its format is {data['format_version']!r}, not {FORMAT_VERSION}")
    return tuple(
        _sheet(values, _picture_path(folder, place)) for place, values in enumerate(data["sheets"])
    )


def _picture_path(folder: Path, place: int) -> Path:
    return folder / f"gallery_{place}.png"


def _sheet_values(sheet: Sheet) -> dict[str, Any]:
    """Return JSON values; `dataclasses.asdict` would copy the picture's function."""
    picture = sheet.picture and {
        name: getattr(sheet.picture, name)
        for name in ("columns", "width", "height", "gap", "enlarged")
    }
    return {
        "title": sheet.title,
        "count": sheet.count,
        "notes": list(sheet.notes),
        "picture": picture,
        "examples": [
            {
                "caption": one.caption,
                "panes": [vars(pane) for pane in one.panes],
                "traces": [vars(trace) for trace in one.traces],
                "bars": [vars(bar) for bar in one.bars],
                "note": one.note,
            }
            for one in sheet.examples
        ],
    }


def _sheet(values: Mapping[str, Any], png: Path | None) -> Sheet:
    examples = tuple(_example(one) for one in values["examples"])
    picture = None
    if values["picture"] and examples:
        picture = _picture(values["picture"], len(examples), png)
        if any(len(one.panes) != picture.columns for one in examples):
            raise ValueError(f"its picture has {picture.columns} columns; give as many panes")
    return Sheet(
        title=_text(values["title"]),
        count=_text(values["count"]),
        notes=tuple(map(_text, values["notes"])),
        examples=examples,
        picture=picture,
    )


def _example(values: Mapping[str, Any]) -> GalleryExample:
    return GalleryExample(
        caption=_text(values["caption"]),
        panes=tuple(
            Pane(**{name: _text(one[name]) for name in ("title", "name", "words", "said")})
            for one in values["panes"]
        ),
        traces=tuple(
            Trace(
                title=_text(one["title"]),
                steps=int(one["steps"]),
                lines={
                    _text(name): tuple(map(_number, line)) for name, line in one["lines"].items()
                },
            )
            for one in values["traces"]
        ),
        bars=tuple(
            Bar(title=_text(one["title"]), share=_number(one["share"]), words=_text(one["words"]))
            for one in values["bars"]
        ),
        note=_text(values["note"]),
    )


def _picture(values: Mapping[str, Any], rows: int, png: Path | None) -> Picture:
    columns, width, height, gap = (
        int(values[key]) for key in ("columns", "width", "height", "gap")
    )
    if not (
        0 < width <= MOST_SIDE
        and 0 < height <= MOST_SIDE
        and 0 <= gap <= MOST_SIDE
        and 0 < columns <= 100
    ):
        raise ValueError(f"its pictures are {columns} times {width} x {height} pixels")
    cut = Picture(
        columns=columns, width=width, height=height, gap=gap, enlarged=bool(values["enlarged"])
    )
    if png is None:
        return cut
    return Picture(**{**vars(cut), "png": partial(_read_picture, png, cut.size(rows))})


def _read_picture(path: Path, size: tuple[int, int]) -> bytes | None:
    """Return a PNG of a size in pixels; None where the file is none."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        found = path.read_bytes()
    except OSError:
        return None
    return found if _is_picture(found, size) else None


def _is_picture(found: bytes, size: tuple[int, int]) -> bool:
    return len(found) <= MOST_BYTES and found.startswith(_PNG + struct.pack(">II", *size))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value[:MOST_LETTERS]


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number
