"""A run as one file, to send and to keep: a zip of its rows, its artifacts, and a digest of each.

    manifest.json     format, run, and {name: {"sha256", "bytes"}} of all else
    rows.json         {table: {"columns": [...], "rows": [[...]]}}
    jobs/...          what jobs wrote, as in a store

It comes from anywhere: names are checked before anything is written, sizes and digests while it is, and rows
against the tables of a store. Nothing of it is executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from harness.errors import StoreError, UsageError
from harness.store.disk import LEFT_OUT, explained
from harness.store.merge import Advance
from harness.store.row_text import rows_as_text, rows_from_text
from harness.store.run_rows import RunRows

FORMAT = 1
_MANIFEST, _ROWS = "manifest.json", "rows.json"
_FOLDER = re.compile(r"jobs/[0-9a-f]{64}/[0-9a-f]{12}")
_BLOCK = 1 << 20
_MOST_SAID = 1 << 28  # bytes of a manifest: two million files


def write_run_file(
    path: Path,
    rows: RunRows,
    store: Path,
    *,
    artifacts: bool = True,
    advance: Advance = lambda _: None,
) -> int:
    """Write a run of the store in a folder to a file, whole or not at all; return its bytes.

    artifacts: False leaves out what only further jobs read, of prepared data and of fits all but JSON (findings,
    notes, curves); so reports and comparisons say the same, and jobs that need the rest make it again.
    """
    sorts = {row["fingerprint"]: row["sort"] for row in rows.tables["jobs"]}
    folders = {
        row["folder"]: artifacts or sorts.get(row["folder"].split("/")[1]) == "measure"
        for row in rows.tables["outcomes"]
        if row["folder"]
    }
    text = rows_as_text(rows)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            files = {_ROWS: _described(text)}
            file.writestr(zipfile.ZipInfo(_ROWS), text, zipfile.ZIP_DEFLATED)
            for folder, whole in folders.items():
                names, left = _names(store, folder, whole)
                for name in names:
                    files[name] = _put(file, name, store / name, advance)
                if left:
                    text = json.dumps(left).encode()
                    files[f"{folder}/{LEFT_OUT}"] = _described(text)
                    file.writestr(zipfile.ZipInfo(f"{folder}/{LEFT_OUT}"), text)
            manifest = {"format": FORMAT, "run": rows.run["name"], "files": files}
            file.writestr(zipfile.ZipInfo(_MANIFEST), json.dumps(manifest, indent=1))
        with open(part, "rb") as done:
            os.fsync(done.fileno())
        os.replace(part, path)
    except OSError as error:
        raise StoreError(f"{str(path)!r} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _names(store: Path, folder: str, whole: bool) -> tuple[list[str], list[str]]:
    """Return the names of an outcome's plain files that go with it, in the store, and of those that do not, in it."""
    names, left = [], []
    for path in sorted((store / folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            if whole or path.suffix == ".json":
                names.append(path.relative_to(store).as_posix())
            else:
                left.append(path.relative_to(store / folder).as_posix())
    return names, left


def _put(file: zipfile.ZipFile, name: str, path: Path, advance: Advance) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(name)  # without the file's time: two exports of a run are the same
    info.compress_type = zipfile.ZIP_DEFLATED
    with open(path, "rb") as source, file.open(info, "w", force_zip64=True) as target:
        while block := source.read(_BLOCK):
            target.write(block)
            digest.update(block)
            size += len(block)
            advance(len(block))
    return {"sha256": digest.hexdigest(), "bytes": size}


def _described(text: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


def check_run_file(path: Path) -> int:
    """Check that a file is one that can be read here, but for what its members hold; return their bytes.

    Raises:
        UsageError: It is not there, no such file, of a newer format, or names what it must not.
    """
    with _explained(path), _opened(path) as file:
        return sum(one["bytes"] for one in _read_manifest(file, path).values())


@contextmanager
def opened_run_file(
    path: Path, store: Path, advance: Advance = lambda _: None
) -> Iterator[tuple[RunRows, Path]]:
    """Check a file, unpack it into a new folder beside a store's, and yield its rows and that folder; it goes after.

    store: its folder, which is not made: where it is not there, the new one lies where it will be.

    Raises:
        UsageError: It is no such file, is of a newer format, damaged, or holds what it must not.
    """
    beside = next(one for one in (store, *store.parents) if one.is_dir())
    with explained(store):
        unpacked = tempfile.TemporaryDirectory(".part", "import.", beside)
    with unpacked as folder:
        place = Path(folder)
        with _explained(path), explained(store):
            rows = _unpack(path, place, advance)
        yield rows, place


def _unpack(path: Path, place: Path, advance: Advance) -> RunRows:
    with _opened(path) as file:
        described = _read_manifest(file, path)
        free = shutil.disk_usage(place).free
        if (needed := sum(one["bytes"] for one in described.values())) > free:
            raise UsageError(
                f"{str(path)!r} unpacks to {needed:,} bytes, and the disk of {str(place.parent)!r} has {free:,}; "
                "free some space, or use another --store"
            )
        rows = rows_from_text(b"".join(_checked(file, _ROWS, described[_ROWS], path)), path)
        _check_places(rows, described, path)
        for name, said in described.items():
            if name != _ROWS:
                target = place / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "xb") as out:
                    for block in _checked(file, name, said, path):
                        out.write(block)
                        advance(len(block))
    return rows


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what reading a zip raises into a sentence."""
    try:
        yield
    # zipfile says so of a compression that it does not know (NotImplementedError) and of encryption (RuntimeError).
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UsageError(
            f"{str(path)!r} is damaged, or no file of `harness export`: {error}"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip to read."""
    try:
        file = zipfile.ZipFile(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"there is no file {str(path)!r}") from error
    except PermissionError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    with file:
        yield file


def _read_manifest(file: zipfile.ZipFile, path: Path) -> Mapping[str, Mapping[str, Any]]:
    names = file.namelist()
    if _MANIFEST not in names:
        raise UsageError(f"{str(path)!r} is no file of `harness export`: it has no {_MANIFEST}")
    if file.getinfo(_MANIFEST).file_size > _MOST_SAID:  # zipfile reads no more than it says itself
        raise UsageError(f"{str(path)!r} is damaged: its {_MANIFEST} has over {_MOST_SAID:,} bytes")
    try:
        said = json.loads(file.read(_MANIFEST))
        known, files = said["format"], said["files"]
        well_formed = isinstance(known, int) and all(
            isinstance(one["sha256"], str) and isinstance(one["bytes"], int) and one["bytes"] >= 0
            for one in files.values()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        well_formed = False
    if not well_formed:
        raise UsageError(
            f"{str(path)!r} is damaged: its {_MANIFEST} is not as `harness export` writes it"
        )
    if known > FORMAT:
        raise UsageError(
            f"{str(path)!r} has format {known}, newer than this program's {FORMAT}; update model-harness"
        )
    if sorted(names) != sorted([*files, _MANIFEST]) or _ROWS not in files:
        raise UsageError(
            f"{str(path)!r} is damaged: what it holds is not what its {_MANIFEST} names"
        )
    for name in files:
        parts = name.split("/")
        if name != _ROWS and (
            not _FOLDER.fullmatch("/".join(parts[:3]))
            or len(parts) < 4
            or any(part in ("", ".", "..") or set(part) & set("\\\0") for part in parts)
        ):
            raise UsageError(f"{str(path)!r} holds {name!r}, which is no place in a store")
    return files  # type: ignore[no-any-return]


def _checked(
    file: zipfile.ZipFile, name: str, said: Mapping[str, Any], path: Path
) -> Iterator[bytes]:
    """Yield the blocks of a member; never more than its manifest says, and only if it is what that says."""
    digest, size = hashlib.sha256(), 0
    with file.open(name) as member:
        for block in _blocks(member):
            size += len(block)
            if size > said["bytes"]:
                break
            digest.update(block)
            yield block
    if size != said["bytes"] or digest.hexdigest() != said["sha256"]:
        raise UsageError(f"{str(path)!r} is damaged: {name!r} is not what its {_MANIFEST} says")


def _blocks(member: IO[bytes]) -> Iterator[bytes]:
    while block := member.read(_BLOCK):
        yield block


def _check_places(rows: RunRows, described: Mapping[str, Any], path: Path) -> None:
    """Check that folders are where a store has them, of jobs of the run, and that no file lies elsewhere."""
    jobs = {row["fingerprint"] for row in rows.tables["jobs"]}
    folders = {row["folder"] for row in rows.tables["outcomes"] if row["folder"]}
    for folder in folders:
        if not (_FOLDER.fullmatch(folder) and folder.split("/")[1] in jobs):
            raise UsageError(
                f"{str(path)!r} has an outcome in {folder!r}, which is no place in a store"
            )
    if not {"/".join(name.split("/")[:3]) for name in described if name != _ROWS} <= folders:
        raise UsageError(f"{str(path)!r} is damaged: files and outcomes do not belong together")
