"""`huggingface`: data sets of Hugging Face that lie in a folder here, of images or texts and a class label.

The files are read by Arrow. No script of a data set is run, and nothing is downloaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import DataError, DataNote, LoadedData, Preprocessing
from harness.api.declaring import Outline
from harness.api.reporting import list_some
from harness_datasets.folders import usual_split
from harness_datasets.huggingface_files import Features, Rows, find_parts, read_features, read_rows
from harness_datasets.imagefolder import (
    SKIP,
    ImageFiles,
    digest_files,
    find_enlarged,
    own_preprocessing,
    preprocesses,
)
from harness_datasets.options import HuggingFaceOptions
from harness_datasets.paths import find_folder
from harness_datasets.texts.encoding import TextEncoder, digests

if TYPE_CHECKING:
    import pyarrow

__all__ = ["find_files", "load", "outline", "preprocesses", "settle"]

IMAGE, TEXT, LABEL = "Image", "text", "ClassLabel"


@dataclass(frozen=True)
class _Chosen:
    """The columns that are taken, and what their input is: `IMAGE` or `TEXT`."""

    input: str
    sort: str
    label: str
    class_names: tuple[str, ...]
    features: Features


@dataclass(frozen=True)
class _Cell:
    """An image in a column of Arrow: the file that it was."""

    column: pyarrow.ChunkedArray
    row: int
    place: str

    def __str__(self) -> str:
        return self.place

    def is_file(self) -> bool:
        """Return that it is there; what is in it is seen where it is read."""
        return True

    def read_bytes(self) -> bytes:
        """Return what the file held; nothing where only its name was kept."""
        found = self.column[self.row].as_py() or {}
        return found.get("bytes") or b""


def settle(options: HuggingFaceOptions) -> dict[str, Any]:
    """Return what an example is: an image, or the tokens of a text.

    Raises:
        DataError: As of `outline`.
    """
    if options.modality != "auto":
        return {}
    return {"modality": "image" if _choose(options).sort == IMAGE else "tokens"}


def find_files(options: HuggingFaceOptions) -> list[Path]:
    """Return the folder that `load` reads."""
    return find_folder(options)


def outline(options: HuggingFaceOptions) -> Outline:
    """Return the classes.

    Raises:
        DataError: As of `load`, but for what is in the rows.
    """
    return Outline(class_names=_choose(options).class_names)


def load(
    options: HuggingFaceOptions,
    preprocessing: Preprocessing | None = None,
    reading: Mapping[str, Any] | None = None,
) -> LoadedData:
    """Load an image or a text and a class label of each row; images are decoded as they are asked for.

    Rows without a label, as a test that is kept secret has them, are left out and counted.

    Raises:
        DataError: It is no such folder, a file is cut short, or the features have no image or text, or no class label.
    """
    (root,) = find_folder(options)
    chosen = _choose(options)
    rows = read_rows(find_parts(root), [chosen.input, chosen.label])
    labels = rows.columns[chosen.label].to_pylist()
    each = [
        (row, label, f"{part.file}, row {number + 1}", part.split)
        for row, (label, (part, number)) in enumerate(zip(labels, rows.each(), strict=True))
        if label is not None and label != -1
    ]
    for _, label, place, _ in each:
        if not isinstance(label, int) or not 0 <= label < len(chosen.class_names):
            raise DataError(
                f"{place}: {chosen.label!r} is {label!r}, and classes are 0 to {len(chosen.class_names) - 1}"
            )
    broken: Collection[int] = ()
    if options.skip_broken and chosen.sort == IMAGE:
        asked = own_preprocessing(options)
        images = [_Cell(rows.columns[chosen.input], row, place) for row, _, place, _ in each]
        broken = ImageFiles(images, options.channels, asked).find_broken()
        each = [one for number, one in enumerate(each) if number not in broken]
    there = {split for *_, split in each}  # a test that is kept secret is none
    places = [place for *_, place, _ in each]
    splits = [usual_split(split, there) for *_, split in each]
    return LoadedData(
        problem="classification",
        targets=np.array([label for _, label, *_ in each], dtype=np.int64),
        split=splits if any(splits) else None,
        class_names=chosen.class_names,
        name_example=lambda place: places[place],
        notes=(_note(root, chosen, len(each), len(broken), len(labels)),),
        low=0.0,
        **_inputs(
            chosen,
            rows,
            [(row, place) for row, _, place, _ in each],
            options,
            preprocessing,
            reading,
        ),
    )


def _inputs(
    chosen: _Chosen,
    rows: Rows,
    taken: list[tuple[int, str]],
    options: HuggingFaceOptions,
    preprocessing: Preprocessing | None,
    reading: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what `LoadedData` says of inputs. taken: the rows, and what each is called."""
    column = rows.columns[chosen.input]
    if chosen.sort == TEXT:
        cells = column.to_pylist()
        texts = [cells[row] or "" for row, _ in taken]
        return {"modality": "tokens", "encode": TextEncoder(texts, options), "keys": digests(texts)}
    images = [_Cell(column, row, place) for row, place in taken]
    asked = dataclasses.replace(preprocessing or own_preprocessing(options), **(reading or {}))
    return {
        "modality": "image",
        "inputs": ImageFiles(images, options.channels, asked, advice=SKIP),
        "scale": 1 / 255,
        "high": 1.0,
        "preprocessing": asked.words(),
        "keys": digest_files(images),
        "findings": tuple(find_enlarged(images, options, asked, preprocessing)),
    }


def _note(root: Path, chosen: _Chosen, kept: int, broken: int, count: int) -> DataNote:
    others = [name for name in chosen.features if name not in (chosen.input, chosen.label)]
    rows = [
        (f"column {chosen.input}", chosen.sort, "the example"),
        (f"column {chosen.label}", LABEL, "the target"),
        *((f"column {name}", _type(chosen.features[name]), "left out") for name in others),
        ("rows", f"{kept:,}", "examples"),
    ]
    if broken:
        rows.append(("images that cannot be read", f"{broken:,}", "left out"))
    if kept + broken < count:
        rows.append(("rows without a label", f"{count - kept - broken:,}", "left out"))
    return DataNote(title=f"Rows in {root}", header=("what", "is", "taken for"), rows=tuple(rows))


def _type(feature: Mapping[str, Any]) -> str:
    return str(feature.get("dtype") or feature.get("_type", "?"))


def _choose(options: HuggingFaceOptions) -> _Chosen:
    """Return which columns are taken: those that options name, else the only ones of their kinds.

    Raises:
        DataError: There is none, or there are several.
    """
    (root,) = find_folder(options)
    parts = find_parts(root)
    features = read_features(parts)
    kinds = {
        IMAGE: [name for name, one in features.items() if one.get("_type") == IMAGE],
        TEXT: [
            name for name, one in features.items() if one.get("dtype") in ("string", "large_string")
        ],
        LABEL: [name for name, one in features.items() if one.get("_type") == LABEL],
    }
    said = ", ".join(f"{name} ({_type(one)})" for name, one in features.items())
    for option in ("input", "label"):
        name = getattr(options, option)
        if name and name not in features:
            raise DataError(
                f"{root}: there is no column {name!r}, which {option} names; there are {said}"
            )
    sort = IMAGE if kinds[IMAGE] else TEXT
    if options.input:
        sort = next((kind for kind in (IMAGE, TEXT) if options.input in kinds[kind]), "")
        kinds[sort] = [options.input]
    if options.label:
        kinds[LABEL] = [options.label] if options.label in kinds[LABEL] else []
    if not sort or not kinds[sort] or not kinds[LABEL]:
        what = "an image or a text" if not sort or not kinds[sort] else "a class label"
        raise DataError(
            f"{root}: {what} is needed in a column, and the features are {said}; a table of numbers and words is read as "
            "one parquet file: table:path=..."
        )
    for kind, option in ((sort, "input"), (LABEL, "label")):
        if len(kinds[kind]) > 1:
            raise DataError(
                f"{root}: several columns are {kind}, {list_some(kinds[kind])}; {option}=... names one"
            )
    (label,) = kinds[LABEL]
    names = features[label].get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{root}: the feature {label!r} has no names of classes")
    for part in parts[1:]:
        told = read_features([part]).get(label, {}).get("names")
        if told != names:
            raise DataError(
                f"{part.file}: the classes of {label!r} are {told!r:.200}, and those of {parts[0].file} are {names!r:.200}; "
                "a number is to stand for one class in all of them: cast the column to one ClassLabel"
            )
    return _Chosen(kinds[sort][0], sort, label, tuple(names), features)
