"""Paths that a person gives: data sets by path, the files that they read, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.catalogue.catalogue import Catalogue, is_glob
from harness.catalogue.kinds import Chosen
from harness.catalogue.references import call
from harness.errors import UsageError
from harness.plan.names import parse_name


def open_path(catalogue: Catalogue, text: str) -> Any:
    """Return the data set that a bare path means; a name is returned as it is."""
    looks = text.startswith((".", "/", "~")) or text.endswith("/")
    if not looks and (is_glob(text) or parse_name(text).options):
        return text
    path = Path(text).expanduser()
    if not looks and not path.suffix and not path.exists():
        return text
    what = "folder" if path.is_dir() else path.suffix.lower()
    for name, entry in catalogue.entries("dataset").items():
        if what in getattr(entry.item, "opens", ()):
            if not path.exists():
                raise UsageError(f"there is no file or folder {text!r}")
            return {"name": name, "path": text}
    known = catalogue.entries("dataset")
    if not looks and path.exists() and text not in known:
        raise UsageError(f"no dataset is named {text!r}; for the file or folder write ./{text}")
    if not looks:
        return text
    if not path.exists():
        raise UsageError(f"there is no file or folder {text!r}")
    readable = [
        what
        for entry in catalogue.entries("dataset").values()
        for what in getattr(entry.item, "opens", ())
    ]
    raise UsageError(f"no data set reads {text!r}; a path may be {', '.join(sorted(readable))}")


def check_files(dataset: Chosen) -> None:
    """Check that the files that a data set reads are there.

    Raises:
        UsageError: One is not.
    """
    for path in dataset_files(dataset):
        if not path.exists():
            raise UsageError(
                f"data set {dataset.label!r}: there is no file or folder {str(path)!r}"
            )


def dataset_files(dataset: Chosen) -> list[Path]:
    """Return the files and folders that a data set reads from."""
    files = getattr(dataset.item, "files", None)
    if files is None:
        return []
    return [Path(path) for path in call(files, options=dataset.model())]


def check_weights(path: str) -> None:
    """Check that a file of weights is there and of a kind that is loaded without running code."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(
            f'no file {path!r}; "random", "pretrained" or the path of a file is allowed'
        )
    if file.suffix not in (".safetensors", ".pt", ".pth", ".bin"):
        raise UsageError(f"{path!r} is no .safetensors, .pt, .pth or .bin file")
