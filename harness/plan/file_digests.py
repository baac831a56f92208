"""Digests of the contents of files, kept in the user's cache so that each file is read once.

A digest is kept by what the system says of its file: path, size, both times of change and inode.
The second time (ctime) cannot be set by a program, so that a file that was replaced by another of
its size and date is read anew. A file that changed in the last seconds may change again within the
clock's grain: its digest is not kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.catalogue.cache import cache_path, write_atomically

GRAIN_NS = 2 * 10**9
SAID_BYTES = 2 * 10**9  # reading more than this takes long enough to be said

KEPT_BYTES = 10**7  # reading less than this is no slower than looking it up

Mark = list[int]  # size, mtime and ctime in ns, inode

_known: dict[str, tuple[Mark, str]] = {}  # of this process


def file_digest(path: Path) -> str:
    """Return the SHA-256, in hex, of a file's contents.

    Raises:
        OSError: It cannot be read.
    """
    mark = mark_of(path)
    name = os.path.abspath(path)
    known = _known.get(name)
    if known is None or known[0] != mark:
        with open(path, "rb") as file:
            known = (mark, hashlib.file_digest(file, "sha256").hexdigest())
        if time.time_ns() - max(mark[1], mark[2]) > GRAIN_NS:
            _known[name] = known
    return known[1]


def file_digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the digests of files by their path below the folder that holds them all.

    A link that leads nowhere has the digest "nothing is there".
    """
    folders = {os.path.abspath(path.parent) for path in paths}
    base = os.path.commonpath(folders) if folders else ""
    here = [path for path in paths if path.is_file()]
    _recall(base)
    unread = [path for path in here if os.path.abspath(path) not in _known]
    size = sum(path.stat().st_size for path in unread)
    if size > SAID_BYTES:
        print(f"reading {size / 1e9:.0f} GB of {base} once, to know it again", file=sys.stderr)
    found = dict.fromkeys((os.path.relpath(path, base) for path in paths), "nothing is there")
    found |= {os.path.relpath(path, base): file_digest(path) for path in here}
    if size > KEPT_BYTES:
        _keep(base)
    return found


def walk(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted; links are followed, and no folder is entered twice."""
    found: list[Path] = []
    entered: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders.sort()
        found += (Path(parent, name) for name in files)
    return sorted(found)


def mark_of(path: Path) -> Mark:
    """Return what the system says of a file: size, both times of change in ns, inode."""
    return mark_in(path.stat())


def mark_in(status: os.stat_result) -> Mark:
    """Return the mark that a status holds."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _index(base: str) -> Path:
    return cache_path(f"file-digests-{hashlib.sha256(base.encode()).hexdigest()[:32]}.json")


def _recall(base: str) -> None:
    try:
        kept: Any = json.loads(_index(base).read_text(encoding="utf-8"))
        for path, (mark, digest) in kept.items():
            _known.setdefault(path, (mark, digest))
    except (OSError, ValueError, TypeError, AttributeError):
        return  # none is kept, or another version of this program keeps it otherwise


def _keep(base: str) -> None:
    prefix = os.path.join(base, "")
    kept = {path: known for path, known in _known.items() if path.startswith(prefix)}
    try:
        write_atomically(_index(base), json.dumps(kept))
    except OSError as error:
        print(f"digests of files could not be kept: {error}", file=sys.stderr)
