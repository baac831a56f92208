"""The pictures that a measure kept beside its metrics: ``gallery.json`` and ``gallery_<a>.png``.

The JSON is {"format_version": 1, "galleries": [an entry for each attack]}. An entry has `attack`, `norm`,
`epsilon_text`, `fooled`, `picture` (`width`, `height`, `gap`, `enlarged`, `averaged`; null or left out where there
is none) and `examples`; of each its `id`, `true` ({"name"}), `clean` and `adversarial` ({"name", "confidence"}),
`size`, and where they apply `factor`, `changed`, `curves`, `changes`. What they mean stands at the fields of
`Gallery` and its parts. The picture of the a-th entry is ``gallery_<a>.png``, whatever the file says: no
path is taken from it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.store.run_data import JobRow
from harness.summary.gallery import Answer, Change, FeatureCurve, FooledExample, Gallery, Picture

FORMAT_VERSION = 1
MOST_BYTES = 2**23  # of a file; what is larger is no gallery
MOST_LETTERS = 200  # of a name
_UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def read_galleries(
    jobs: Iterable[JobRow], series: Callable[[JobRow], str | None]
) -> tuple[Gallery, ...]:
    """Return the galleries of jobs, of the lowest seed of each model and measure.

    series: the name of a job's model; None where it has no place in the report. A file that cannot be read
    gives a gallery whose `problem` says so.
    """
    chosen: dict[tuple[str, str, str], tuple[int, Path]] = {}
    for job in jobs:
        name = series(job)
        if name is None or job.sort != "measure" or job.status != "ok" or "seed" not in job.axes:
            continue
        key = (str(job.axes.get("dataset")), name, str(job.axes.get("measure")))
        path, seed = _file(job), int(job.axes["seed"])
        if path is not None and (key not in chosen or seed < chosen[key][0]):
            chosen[key] = seed, path
    return tuple(
        gallery
        for (dataset, name, _), (seed, path) in chosen.items()
        for gallery in read_gallery(path, dataset, name, seed)
    )


def read_gallery(path: Path, dataset: str, series: str, seed: int) -> list[Gallery]:
    """Return the galleries in a ``gallery.json``; it does not say of which model they are."""
    of: dict[str, Any] = {"dataset": dataset, "series": series, "seed": seed}
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format_version"] != FORMAT_VERSION:
            raise ValueError(f"its format is {data['format_version']!r}, not {FORMAT_VERSION}")
        return [
            _gallery(entry, path.parent / f"gallery_{place}.png", path, of)
            for place, entry in enumerate(data["galleries"])
        ]
    except _UNREADABLE as error:
        said = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
        return [Gallery(**of, path=str(path), problem=f"cannot be read: {said[:MOST_LETTERS]}")]


def _file(job: JobRow) -> Path | None:
    path = None if job.folder is None else job.folder / "gallery.json"
    return path if path is not None and path.is_file() else None


def _gallery(
    entry: Mapping[str, Any], drawn: Path, numbers: Path, of: Mapping[str, Any]
) -> Gallery:
    examples = tuple(_example(one) for one in entry["examples"])
    picture = _picture(entry["picture"]) if entry.get("picture") and examples else None
    return Gallery(
        **of,
        path=str(drawn if picture else numbers),
        attack=_text(entry["attack"]),
        norm=_text(entry["norm"]),
        epsilon_text=_text(entry["epsilon_text"]),
        fooled=int(entry["fooled"]),
        examples=examples,
        picture=picture,
        png=partial(_read_png, drawn, picture.size(len(examples))) if picture else lambda: None,
    )


def _example(values: Mapping[str, Any]) -> FooledExample:
    return FooledExample(
        id=int(values["id"]),
        true=_text(values["true"]["name"]),
        clean=_answer(values["clean"]),
        adversarial=_answer(values["adversarial"]),
        size=_number(values["size"]),
        factor=None if values.get("factor") is None else _number(values["factor"]),
        changed=int(values.get("changed", 0)),
        curves=tuple(
            FeatureCurve(
                feature=int(one["feature"]),
                steps=int(one["steps"]),
                clean=tuple(map(_number, one["clean"])),
                adversarial=tuple(map(_number, one["adversarial"])),
                name=_text(one.get("name", "")),
            )
            for one in values.get("curves", ())
        ),
        changes=tuple(
            Change(
                feature=int(one["feature"]),
                clean=_number(one["clean"]),
                adversarial=_number(one["adversarial"]),
                share=_number(one["share"]),
                name=_text(one.get("name", "")),
            )
            for one in values.get("changes", ())
        ),
    )


def _answer(values: Mapping[str, Any]) -> Answer:
    confidence = values["confidence"]
    return Answer(
        name=_text(values["name"]),
        confidence=None if confidence is None else _number(confidence),
    )


def _picture(values: Mapping[str, Any]) -> Picture:
    width, height, gap = (int(values[key]) for key in ("width", "height", "gap"))
    if not (0 < width <= 4096 and 0 < height <= 4096 and 0 <= gap <= 4096):
        raise ValueError(f"its pictures are {width} x {height} pixels")
    return Picture(
        width=width,
        height=height,
        gap=gap,
        enlarged=bool(values["enlarged"]),
        averaged=bool(values["averaged"]),
    )


def _read_png(path: Path, size: tuple[int, int]) -> bytes | None:
    """Return a PNG of a size in pixels; None where the file is none."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        found = path.read_bytes()
    except OSError:
        return None
    head = _PNG + struct.pack(">II", *size)
    return found if found.startswith(head) else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value[:MOST_LETTERS]


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number
