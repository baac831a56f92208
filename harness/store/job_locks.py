"""JobLocks: which process does a job, or a run, of a store."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SET_UP = 1 << 61  # bytes of the file: fingerprints lie below
_RUNS = 1 << 62


class JobLocks:
    """Locks on single bytes of a file. They vanish with the process, however that ends.

    A process holds its locks by one open file: closing another one of the same file would give
    them all up, so a store that only reads opens none.
    """

    def __init__(self, path: Path) -> None:
        """Take the path; the file is made when the first claim is."""
        self._path = path
        self._file: int | None = None

    def claim(self, fingerprint: str) -> bool:
        """Claim a job; False while another process has it."""
        return self._lock(_offset(fingerprint))

    def release(self, fingerprint: str) -> None:
        """Give a job up."""
        self._unlock(_offset(fingerprint))

    def claim_run(self, number: int) -> bool:
        """Claim a run; False while another process does it."""
        return self._lock(_RUNS + number)

    def release_run(self, number: int) -> None:
        """Give a run up."""
        self._unlock(_RUNS + number)

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Wait until no other process sets the store up."""
        self._lock(_SET_UP, wait=True)
        try:
            yield
        finally:
            self._unlock(_SET_UP)

    def close(self) -> None:
        """Give all up."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, offset: int, wait: bool = False) -> bool:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            kind = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
            fcntl.lockf(self._file, kind, 1, offset, os.SEEK_SET)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, offset: int) -> None:
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset, os.SEEK_SET)


def _offset(fingerprint: str) -> int:
    return int(fingerprint[:15], 16)
