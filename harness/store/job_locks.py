"""JobLocks: which process does a job, or a run, of a store."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError

_FLOCK = "hhqqi"  # struct flock of Linux: type, whence, start, length, process
_SET_UP_SECONDS = 60.0
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

    def claimant(self, fingerprint: str) -> int | None:
        """Return the process that has claimed a job; None for nobody, or where the system does not tell."""
        return self._holder(_offset(fingerprint))

    def claimant_of_run(self, number: int) -> int | None:
        """Return the process that does a run."""
        return self._holder(_RUNS + number)

    def look(self) -> None:
        """Be able to tell who holds what without holding anything, where there is anything to hold."""
        if self._file is None and self._path.exists():
            self._file = os.open(self._path, os.O_RDONLY)

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
        """Wait until no other process sets the store up.

        Raises:
            StoreError: One does so for longer than that can take.
        """
        until = time.monotonic() + _SET_UP_SECONDS
        while not self._lock(_SET_UP):
            if time.monotonic() >= until:
                raise StoreError(
                    f"the store {str(self._path.parent)!r} is being set up by process "
                    f"{self._holder(_SET_UP)}, for over {_SET_UP_SECONDS:g} s; end that process"
                )
            time.sleep(0.01)
        try:
            yield
        finally:
            self._unlock(_SET_UP)

    def close(self) -> None:
        """Give all up."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _holder(self, offset: int) -> int | None:
        if self._file is None or sys.platform != "linux":
            return None
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)
        kind, _, _, _, process = struct.unpack(
            _FLOCK, fcntl.fcntl(self._file, fcntl.F_GETLK, asked)
        )
        return process if kind != fcntl.F_UNLCK and process > 0 else None

    def _lock(self, offset: int) -> bool:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset, os.SEEK_SET)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, offset: int) -> None:
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset, os.SEEK_SET)


def _offset(fingerprint: str) -> int:
    return int(fingerprint[:15], 16)
