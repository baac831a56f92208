"""Folders as the library datasets writes them: `save_to_disk`, and parquet files of the hub."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from shard_files import picture

IMAGES = {
    "image": {"_type": "Image"},
    "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    "id": {"dtype": "int64", "_type": "Value"},
}
TEXTS = {"text": {"dtype": "string", "_type": "Value"}, "label": IMAGES["label"]}


def images(first: int, count: int) -> pyarrow.Table:
    cells = [{"bytes": picture(number), "path": None} for number in range(first, first + count)]
    kind = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    labels = [number % 2 for number in range(count)]
    columns = {"image": pyarrow.array(cells, kind), "label": labels, "id": list(range(count))}
    return pyarrow.table(columns)


def texts(count: int) -> pyarrow.Table:
    words = [f"Evening {number} was {('dull', 'fine')[number % 2]}" for number in range(count)]
    return pyarrow.table({"text": words, "label": [number % 2 for number in range(count)]})


def save(folder: Path, table: pyarrow.Table, features: Any, files: int = 1) -> Path:
    """Write one part as `save_to_disk` does."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{number:05}-of-{files:05}.arrow" for number in range(files)]
    each = -(-len(table) // files)
    for number, name in enumerate(names):
        part = table.slice(number * each, each)
        with pyarrow.ipc.new_stream(str(folder / name), part.schema) as writer:
            writer.write_table(part, max_chunksize=4)
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    listed = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(listed))
    return folder


def save_splits(folder: Path, parts: dict[str, pyarrow.Table], features: Any) -> Path:
    for name, table in parts.items():
        save(folder / name, table, features, files=2)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(parts)}))
    return folder


def save_parquet(path: Path, table: pyarrow.Table, features: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(said), path, row_group_size=4)
    return path
