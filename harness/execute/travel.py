"""What of a job travels, where it runs on a machine that does not have the files of the store.

A job reads its request, and the folders of the jobs that it needs. It leaves files in its own folder: log.txt,
outcome.json, arrays, checkpoints. Nothing else of a job is a path of the store, so a job that is at home on one
machine is at home on another one once these folders are there under other names. What a suite names by path (a folder
of pictures, a file of weights) is the user's, and does not travel: it has to be found on every machine, with the same
contents, which the job makes sure of (`harness.plan.content.check_unchanged`).

Files go in *parcels*: lists of pieces, a few MB in all, so that no file is held in memory whole, and many small ones go
together.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError
from harness.execute.request import Request
from harness.store.records import KEPT

PARCEL_BYTES = 8 << 20
STAY = ("request.json", "outcome.json")
"""Files in a job's folder of which nothing is to be known elsewhere, as they are given in other ways."""

Piece = tuple[str, int, bytes]  # the file's name in its folder, where the bytes begin, the bytes
Parcel = list[Piece]


def relocate(request: Request, folder: Path, needs: Mapping[str, Path]) -> Request:
    """Return a request as it is on another machine. folder: where the job writes; needs: {fingerprint: folder} there."""
    return replace(
        request,
        folder=str(folder),
        needs={need: str(needs[need]) for need in request.needs},
        keep=str(folder / KEPT) if request.keep else "",
        also=(),  # what has another folder travels by itself
    )


def pack(folder: Path, leave: Iterable[str] = STAY) -> Iterator[Parcel]:
    """Yield the files of a folder in parcels; links and pipes, which a plugin may have left, stay. One at least.

    leave: names of files at its top that stay, too.
    """
    parcel: Parcel = []
    size = 0
    for path in _files(folder, set(leave)):
        name = path.relative_to(folder).as_posix()
        offset = 0
        with open(path, "rb") as file:
            while True:
                data = file.read(PARCEL_BYTES - size)
                if data or not offset:
                    parcel.append((name, offset, data))
                offset, size = offset + len(data), size + len(data)
                if size < PARCEL_BYTES:
                    break
                yield parcel
                parcel, size = [], 0
    yield parcel


def unpack(parcel: Iterable[Piece], folder: Path) -> None:
    """Write the files of a parcel into a folder, and nowhere else; a file begins anew with its first piece.

    Raises:
        HarnessError: A name leads out of the folder.
    """
    for name, offset, data in parcel:
        parts = PurePosixPath(name).parts
        path = folder.joinpath(*parts)
        inside = parts and not PurePosixPath(name).is_absolute() and ".." not in parts
        if not inside or not path.parent.resolve().is_relative_to(folder.resolve()):
            raise HarnessError(f"a file named {name!r} was sent: it would lie outside of {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        with open(path, "r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(data)


def _files(folder: Path, leave: set[str]) -> Iterator[Path]:
    for inside, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(inside, name)
            if stat.S_ISREG(path.lstat().st_mode) and not (inside == str(folder) and name in leave):
                yield path
