"""The user's cache folder: what can be made again, at the cost of seconds."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_path(name: str) -> Path:
    """Return where a name lies in the user's cache folder, which may not be there yet."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "model-harness" / name


def cached_text(name: str, make: Callable[[], str]) -> str:
    """Return the text kept under a name, or make it and keep it.

    The name holds all that can change the text (versions, digests). A folder that cannot be written
    costs time, not results.
    """
    path = cache_path(name)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    text = make()
    try:
        write_atomically(path, text)
    except OSError as error:
        print(f"{path.name} could not be kept in {path.parent}: {error}", file=sys.stderr)
    return text


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
