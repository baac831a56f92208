"""What a store needs of the disk: durable files, and words for what goes wrong there."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError

_BUSY_SECONDS = 60.0  # that another process may take to write
_SPARE_BYTES = 1 << 20  # less is a full disk: a row, and the log of a job, must fit
_SYNC_THREADS = 16
LEFT_OUT = "left_out.json"
"""In an outcome's folder: the names of its files that were not taken along from another store."""


def is_whole(folder: Path) -> bool:
    """Whether the files of an outcome are all there, for jobs that need them."""
    return folder.is_dir() and not (folder / LEFT_OUT).exists()


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into a sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(_sentence(folder, str(error))) from error
    except OSError as error:
        raise StoreError(_sentence(folder, error.strerror or str(error))) from error


def _sentence(folder: Path, message: str) -> str:
    name = repr(str(folder))
    if "full" in message or says_full(message):
        return f"the disk of the store {name} is full; free some space and run again: it goes on"
    if "disk I/O error" in message and is_full(folder):
        return _sentence(folder, "full")
    if os.strerror(errno.EROFS) in message:
        return f"the store {name} lies on a read-only file system; use --store DIR"
    if os.strerror(errno.EEXIST) in message or os.strerror(errno.ENOTDIR) in message:
        return f"the store {name} cannot be a folder: there is a file; use --store DIR"
    if any(word in message for word in ("readonly", "unable to open", "ermi")):
        return f"the store {name} cannot be written ({message}); use --store DIR or mend its rights"
    if "database is locked" in message:
        return (
            f"the store {name} has been written by another process for over {_BUSY_SECONDS:g} s; it may be "
            "stopped: continue or end it, then run again"
        )
    if "not a database" in message or "malformed" in message:
        return f"the store {name} is damaged ({message}); use another --store DIR"
    return f"the store {name} failed: {message}"


def says_full(message: str) -> bool:
    """Whether a message of the system says that a disk, or what one may use of it, is full."""
    return any(os.strerror(code) in message for code in (errno.ENOSPC, errno.EDQUOT))


def is_full(folder: Path) -> bool:
    """Whether a disk has no room for a row and a log."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _SPARE_BYTES


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a database; to read alone where not `create`."""
    mode = "rwc" if create else _mode(path)
    address = f"{path.resolve().as_uri()}?mode={mode}"
    rows = sqlite3.connect(address, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
    rows.row_factory = sqlite3.Row
    return rows


def _mode(path: Path) -> str:
    """Return how to read a store: one that cannot be written has no writer, and cannot be locked."""
    read_only = bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    if not read_only and os.access(path.parent, os.W_OK):
        return "rw"
    left = path.with_name(path.name + "-wal")  # rows that a killed run has not yet moved
    return "ro" if left.exists() and left.stat().st_size else "ro&immutable=1"


def sync(folders: Sequence[Path]) -> None:
    """Force folders' files, and their names, to disk; a plugin may have left links and pipes.

    Many at once: the disk takes about as long for what threads ask of it together as for one of them.
    """
    files: list[Path] = []
    names: dict[Path, None] = {}  # folders, each once; those that several share come last
    for folder in folders:
        for inside, _, left in os.walk(folder):
            names[Path(inside)] = None
            files += [Path(inside, name) for name in left]
    above = dict.fromkeys(
        one for folder in folders for one in (folder.parent, folder.parent.parent)
    )
    regular = [path for path in files if stat.S_ISREG(path.lstat().st_mode)]
    paths = [*regular, *names, *above]
    if len(folders) == 1:
        for path in paths:
            _sync_one(path)
        return
    with ThreadPoolExecutor(_SYNC_THREADS) as threads:
        for _ in threads.map(_sync_one, paths):
            pass


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
