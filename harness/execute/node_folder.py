"""The folder that a node has for its jobs: locked while the node lives, so that what a killed one has left can be told, and goes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "model-harness-node-"
_LOCK = "lock"


class NodeFolder:
    """A new folder among the temporary files. Nobody can tidy up after a node that is killed, but the next one here."""

    def __init__(self) -> None:
        """Make it, and remove those whose nodes have died."""
        for other in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(other)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        new = self.path / f"{_LOCK}.new"
        self._lock = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.path / _LOCK)  # no one finds it unlocked

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_if_left(folder: Path) -> None:
    with contextlib.suppress(
        OSError
    ):  # another user's, one that is being made, or one whose node lives
        lock = os.open(folder / _LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
