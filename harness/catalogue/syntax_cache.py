"""The syntax of source files, read once: kept in the user's cache by what the system says of a file.

One index for each folder of sources. A file that changed in the last seconds may change again within
the clock's grain, so what it says is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.catalogue.cache import cache_path, write_atomically
from harness.catalogue.syntax import Syntax, read_syntax

_HERE = Path(__file__).parent
_GRAIN_NS = 2 * 10**9
_KEPT_FOLDERS = 500

Mark = list[int]  # size, mtime and ctime in ns, inode

_known: dict[str, tuple[Mark, Syntax]] = {}  # of this process
_recalled: set[str] = set()  # folders whose index was read
_grown: set[str] = set()  # folders of which more is known than is kept


def syntax_of(path: str) -> Syntax:
    """Return what a source file says; nothing where it cannot be read."""
    folder = os.path.dirname(path)
    if folder not in _recalled:
        _recalled.add(folder)
        _recall(folder)
    try:
        status = os.stat(path)
        mark = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = _known.get(path)
        if known is not None and known[0] == mark:
            return known[1]
        source = Path(path).read_bytes()
    except OSError as error:
        return Syntax((), "", error.strerror or str(error))
    syntax = read_syntax(source)
    if time.time_ns() - max(mark[1], mark[2]) > _GRAIN_NS:
        _known[path] = (mark, syntax)
        _grown.add(folder)
    return syntax


def keep_syntax() -> None:
    """Keep what was read for the next process; a folder that cannot be written costs time alone."""
    for folder in sorted(_grown):
        kept = {
            path: [mark, syntax.to_json()]
            for path, (mark, syntax) in _known.items()
            if os.path.dirname(path) == folder
        }
        try:
            write_atomically(_index(folder), json.dumps(kept, separators=(",", ":")))
        except OSError as error:
            print(f"what sources say could not be kept: {error}", file=sys.stderr)
            break
    if _grown:
        _prune()
    _grown.clear()


def _index(folder: str) -> Path:
    key = f"{_reader()} {sys.version_info[:2]} {folder}"
    return cache_path("syntax") / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


@lru_cache(maxsize=1)
def _reader() -> str:
    """Digest the modules that read syntax: another version of them may keep something else."""
    sources = [(_HERE / name).read_bytes() for name in ("syntax.py", "syntax_calls.py")]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def _recall(folder: str) -> None:
    try:
        kept: Any = json.loads(_index(folder).read_text(encoding="utf-8"))
        for path, (mark, values) in kept.items():
            _known.setdefault(path, (mark, Syntax.from_json(values)))
    except (OSError, ValueError, TypeError, AttributeError):
        return  # none is kept, or it is damaged


def _prune() -> None:
    """Remove the indices of folders that were read longest ago."""
    with contextlib.suppress(OSError):
        indices = sorted(cache_path("syntax").iterdir(), key=lambda path: path.stat().st_mtime)
        for path in indices[:-_KEPT_FOLDERS]:
            path.unlink()
