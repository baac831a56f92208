"""The files that modules read while they are imported, such as a `net.json` that fills a constant.

What a module's code does depends on them, and no syntax shows it. A plugin is imported before any job runs, so who
watches a job alone misses them. They are noted by the module whose statements are executed as a file is opened or a folder listed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from harness.catalogue.modules import is_library

ImportReads = dict[str, os.stat_result | None]  # what was at a path then; None: nothing

CODE_READERS = ("tokenize.py", "linecache.py")  # they read lines of code, to show them
_WRITES = os.O_WRONLY | os.O_RDWR
_read: dict[str, ImportReads] = {}  # by module, for the life of the process, as modules are
_noting = 0
_hooked = False


@contextlib.contextmanager
def import_reads_noted() -> Iterator[None]:
    """Note inside the block what modules read while they are imported."""
    global _noting, _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # it stays for the life of the process
        _hooked = True
    _noting += 1
    try:
        yield
    finally:
        _noting -= 1


def any_import_reads() -> bool:
    """Whether any module that is of no library has read anything."""
    return any(not is_library(module.partition(".")[0]) for module in _read)


def read_at_import(modules: Iterable[str]) -> ImportReads:
    """Return the files and folders that modules have read while they were imported, with what was there then."""
    return {path: then for module in modules for path, then in _read.get(module, {}).items()}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear of an audit event: of many a second, so that what is none of ours costs little."""
    if not _noting:
        return
    if event == "open":
        path, _, flags = arguments
        if flags & _WRITES:
            return
    elif event in ("os.listdir", "os.scandir"):
        path = arguments[0] or os.curdir
    else:
        return
    if not isinstance(path, int) and (module := _importing()):
        name = os.path.abspath(os.fsdecode(path))
        _read.setdefault(module, {}).setdefault(name, _status(name))


def _importing() -> str:
    """Return the module whose own statements are executed; "" where Python looks for a module, or none is imported."""
    frame = sys._getframe(2)  # what opens, behind the hook
    opener = frame.f_code.co_filename
    if opener.startswith("<frozen importlib") or os.path.basename(opener) in CODE_READERS:
        return ""
    while frame is not None and frame.f_code.co_name != "<module>":
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return ""  # a finder or loader of its own
        frame = frame.f_back  # type: ignore[assignment]
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
