"""The files of a data set of Hugging Face in a folder: their splits, the features that they declare, and the rows.

Two layouts are known. What `save_to_disk` of the library datasets writes: `dataset_dict.json` with a folder for each split, or
one such folder, with `dataset_info.json`, `state.json` and Arrow streams. And what is on the hub: parquet files, named by their
splits, whose schemas have the features.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import DataError
from harness_datasets.folders import SPLITS, is_system, usual_split
from harness_datasets.tables.stored_cells import store

if TYPE_CHECKING:
    import pyarrow

SEVERAL, ONE, FILES = "dataset_dict.json", "dataset_info.json", "state.json"
_WORDS = re.compile(r"[a-z]+")
Features = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SplitFile:
    """A file and the split of its rows, "" where they are cut later."""

    file: Path
    split: str


@dataclass(frozen=True)
class Rows:
    """Columns of all parts, one after another, and how many rows each part has."""

    columns: pyarrow.Table
    parts: Sequence[SplitFile]
    counts: Sequence[int]

    def each(self) -> Iterator[tuple[SplitFile, int]]:
        """Yield the part of each row, and its number in it from 0."""
        for part, count in zip(self.parts, self.counts, strict=True):
            for row in range(count):
                yield part, row


def find_parts(root: Path) -> list[SplitFile]:
    """Return the files of a data set.

    Raises:
        DataError: There are none, or a description of them is damaged or names others.
    """
    if (root / SEVERAL).is_file():
        names = _read_json(root / SEVERAL).get("splits")
        if not isinstance(names, list) or not names:
            raise DataError(f"{root / SEVERAL} names no splits")
        found = [
            part for name in names for part in _saved(root / _inside(root / SEVERAL, name), name)
        ]
    elif (root / FILES).is_file():
        found = _saved(root, "")
    else:
        paths = sorted(path for path in root.rglob("*.parquet") if not is_system(path.name))
        if not paths:
            raise DataError(
                f"{root} holds no data set of Hugging Face: neither {SEVERAL} nor {FILES} nor a parquet file; "
                "save_to_disk writes one"
            )
        found = [SplitFile(path, _split_of(path.relative_to(root))) for path in paths]
    known = {SPLITS.get(part.split, part.split) for part in found}
    if known == {""} or known == {"train"}:
        return [SplitFile(part.file, "") for part in found]
    if odd := sorted(known - set(SPLITS.values())):
        raise DataError(
            f"{root}: {odd[0]!r} is no split that is known (train, validation, test); keep such a part in a folder of its own"
            if odd[0]
            else f"{root}: some parquet files are named by a split and {next(p.file.name for p in found if not p.split)} is not"
        )
    return [SplitFile(part.file, usual_split(SPLITS[part.split], known)) for part in found]


def _saved(folder: Path, split: str) -> list[SplitFile]:
    files = _read_json(folder / FILES).get("_data_files")
    try:
        names = [_inside(folder / FILES, file["filename"]) for file in files or ()]
    except (KeyError, TypeError):
        names = []
    if not names:
        raise DataError(f"{folder / FILES} names no files of data")
    return [SplitFile(folder / name, split) for name in names]


def _inside(where: Path, name: Any) -> str:
    """Return the name of a file or folder that lies beside its description."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise DataError(f"{where} names {name!r}, which is not beside it")
    return name


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object")
    return found


def _split_of(path: Path) -> str:
    words = [word for part in reversed(path.parts) for word in _WORDS.findall(part.lower())]
    return next((word for word in words if word in SPLITS), "")


def read_features(parts: Sequence[SplitFile]) -> Features:
    """Return {column: what it holds, as the library writes it}: {"_type": "ClassLabel", "names": [...]} and others.

    Raises:
        DataError: They are not there, or are damaged.
    """
    first = parts[0].file
    beside = first.parent / ONE
    if first.suffix == ".parquet" or not beside.is_file():
        written = (_schema(first).metadata or {}).get(b"huggingface")
        if written is None:
            raise DataError(
                f"{first} says nothing of features, as tables of Hugging Face do; of other parquet files name one: "
                "table:path=..."
            )
        try:
            features = json.loads(written)["info"]["features"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"{first}: what it says of its features is damaged: {error}") from None
        beside = first
    else:
        features = _read_json(beside).get("features")
    if not isinstance(features, dict) or not all(
        isinstance(one, dict | list) for one in features.values()
    ):
        raise DataError(f"{beside} describes no features")
    return {
        name: one if isinstance(one, dict) else {"_type": "Sequence"}
        for name, one in features.items()
    }


def _schema(path: Path) -> pyarrow.Schema:
    import pyarrow
    from pyarrow import parquet

    try:
        return (
            parquet.read_schema(path)
            if path.suffix == ".parquet"
            else pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))).schema
        )
    except (OSError, pyarrow.ArrowException) as error:
        raise _damaged(path, error) from None


def read_rows(parts: Sequence[SplitFile], names: Sequence[str]) -> Rows:
    """Return some columns, mapped from their files: of parquet, which cannot be, from a file that is written meanwhile.

    Raises:
        DataError: A file is damaged or cut short, or has no such column.
    """
    import pyarrow

    tables = []
    for part in parts:
        try:
            table = (
                _read_parquet(part.file, names)
                if part.file.suffix == ".parquet"
                else _read_stream(part.file)
            )
            tables.append(table.select(names))
        except KeyError as error:
            raise DataError(
                f"{part.file} has no column {error.args[0]}, which its features name"
            ) from None
        except (OSError, pyarrow.ArrowException) as error:
            raise _damaged(part.file, error) from None
        if tables[-1].schema.types != tables[0].schema.types:
            raise DataError(
                f"{part.file}: its columns are of other types than those of {parts[0].file.name}: "
                f"{tables[-1].schema.types} and {tables[0].schema.types}"
            )
    bare = [table.replace_schema_metadata() for table in tables]
    return Rows(pyarrow.concat_tables(bare), parts, [len(table) for table in tables])


def _read_stream(path: Path) -> pyarrow.Table:
    import pyarrow

    return pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))).read_all()


def _read_parquet(path: Path, names: Sequence[str]) -> pyarrow.Table:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    for name in names:
        if name not in file.schema_arrow.names:
            raise KeyError(repr(name))
    batches = file.iter_batches(batch_size=256, columns=list(names))
    first = next(batches, None)
    if first is None:
        return file.schema_arrow.empty_table()

    def every() -> Iterator[pyarrow.RecordBatch]:
        yield first
        yield from batches

    return store(first.schema, every())


def _damaged(path: Path, error: Exception) -> DataError:
    words = str(error).splitlines()[0]
    return DataError(f"{path} cannot be read, it is damaged or cut short: {words}")
