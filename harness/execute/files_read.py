"""The files that a job reads while it runs: those that no fingerprint covers, as a plan cannot know them.

A constructor that opens a `net.json` beside its module, weights that a model loads itself, names that a
data set takes from a folder. They are noted as they are opened (`sys.addaudithook`), digested when the job
ends, kept with its outcome, and looked at again before that outcome is reused.

What native code opens raises no audit event. Of safetensors and TorchScript it is noted all the same; an
item that reads by other native code (HDF5, ONNX ...) names its files (`Item.files`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.catalogue.import_reads import CODE_READERS, ImportReads
from harness.catalogue.modules import is_library
from harness.catalogue.syntax_cache import syntax_of
from harness.plan.file_digests import GRAIN_NS, file_digest, mark_in, mark_of
from harness.store.records import FileRead

_WRITES = os.O_WRONLY | os.O_RDWR
_CODE = (".py", ".pyc")
_OF_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/run", "/lib", "/lib64")
_CACHES = ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
_INSTALLED = {"site-packages", "dist-packages"}
_NATIVE = (("safetensors", "safe_open"), ("safetensors.torch", "safe_open"), ("torch.jit", "load"))

_recorder: ReadRecorder | None = None  # of the job that runs in this process
_hooked = False


class ReadRecorder:
    """What is opened and imported while a job runs.

    apart: files and folders that are covered otherwise, such as the outcomes that the job needs.
    """

    def __init__(self, apart: Iterable[str]) -> None:
        """Begin with nothing."""
        self._apart = {os.path.abspath(path) for path in (*apart, *_apart_always())}
        self._read: dict[str, list[int]] = {}  # [] of what was not there
        self._listed: set[str] = set()
        self._written: set[str] = set()
        self._last = _latest_module()

    def opened(self, path: Any, flags: int) -> None:
        """Note that a file is opened: to read it, or it is the job's own from here on."""
        name = os.path.abspath(os.fsdecode(path))
        if flags & _WRITES:
            self._written.add(name)
        elif not self._read.get(name) and not self._is_called_for_code(name):
            self._read[name] = _mark_or_nothing(name)

    def listed(self, path: Any) -> None:
        """Note that the names in a folder are read."""
        name = os.path.abspath(os.fsdecode(path or os.curdir))
        if not _caller().startswith("<frozen importlib"):
            self._listed.add(name)

    def read_before(self, reads: ImportReads) -> None:
        """Take over what was read before the job began, while what it needs was imported."""
        for name, then in reads.items():
            if then is not None and stat.S_ISDIR(then.st_mode):
                self._listed.add(name)
            else:
                self._read[name] = [] if then is None else mark_in(then)

    @staticmethod
    def _is_called_for_code(name: str) -> bool:
        """Whether Python reads a module, or a line of it to show: code is covered as code."""
        caller = _caller()
        if caller.startswith("<frozen importlib"):
            return name.endswith(_CODE)
        return os.path.basename(caller) in CODE_READERS

    def modules(self) -> tuple[str, ...]:
        """Return the modules of neither libraries nor the core that were imported meanwhile."""
        return tuple(
            name
            for name in sorted(self._imported())
            if not is_library(name.partition(".")[0])
            and str(getattr(sys.modules[name], "__file__", "")).endswith(".py")
        )

    def _imported(self) -> list[str]:
        """Return the modules that were imported meanwhile; all, where the latest one before is not there any more.

        Only these are looked at: in a fork, to touch the name of each module is to copy the page that it is on.
        """
        name, module = self._last
        if sys.modules.get(name) is not module:
            return list(sys.modules)
        return list(itertools.takewhile(lambda one: one != name, reversed(sys.modules)))

    def files(self, apart: Iterable[str] = ()) -> tuple[FileRead, ...]:
        """Return the files that were read, and the folders that were listed, as they are now.

        apart: more files and folders that are covered otherwise.
        """
        self._apart |= {os.path.abspath(path) for path in apart}
        inside = tuple(os.path.join(path, "") for path in self._apart)
        found = [read_now(n) for n in sorted(self._listed) if not self._is_apart(n, inside)]
        for name, mark in sorted(self._read.items()):
            if name in self._written or self._is_apart(name, inside):
                continue
            if (name.endswith(_CODE) and _is_imported(name)) or _is_special(name):
                continue  # code: who imports it is followed as code
            file = read_now(name)
            if mark != _mark_or_nothing(name):
                file = FileRead(name, "it changed while it was read")
            found.append(file)
        return tuple(found)

    def _is_apart(self, name: str, inside: tuple[str, ...]) -> bool:
        """Whether a file or folder is covered otherwise, such as all `inside` of some folders."""
        if name in self._apart or name.startswith(inside):
            return True
        parts = Path(name).parts
        if not _INSTALLED.isdisjoint(parts) or any(p.startswith("torchinductor_") for p in parts):
            return True
        here = os.path.relpath(name) if name.startswith(os.path.join(os.getcwd(), "")) else name
        return any(part.startswith(".") for part in Path(here).parts)


@contextlib.contextmanager
def recording(apart: Iterable[str]) -> Iterator[ReadRecorder]:
    """Note what this process opens and imports inside the block."""
    global _recorder, _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # it stays for the life of the process
        _hooked = True
    _recorder = ReadRecorder(apart)
    try:
        with _native_noted(_recorder):
            yield _recorder
    finally:
        _recorder = None


def read_now(path: str) -> FileRead:
    """Return a file, a module's source or a folder that was read, as it is now."""
    try:
        if os.path.isdir(path):
            shown = (name for name in os.listdir(path) if not name.startswith("."))
            names = "\n".join(
                sorted(shown)
            )  # what is hidden is left behind by file managers and editors
            digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
            return FileRead(path, f"names {digest}")
        if path.endswith(".py") and (syntax := syntax_of(path)).digest:
            return FileRead(path, f"code {syntax.digest}")
        mark = mark_of(Path(path))
        is_settled = time.time_ns() - max(mark[1], mark[2]) > GRAIN_NS
        return FileRead(path, file_digest(Path(path)), json.dumps(mark) if is_settled else "")
    except OSError as error:
        return FileRead(path, f"it cannot be read: {error.strerror}")


def is_as_then(file: FileRead) -> bool:
    """Whether a file that was read says the same now."""
    if file.mark and json.loads(file.mark) == _mark_or_nothing(file.path):
        return True
    return read_now(file.path).digest == file.digest


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear of an audit event: of many a second, so that what is none of ours costs little."""
    recorder = _recorder
    if recorder is None:
        return
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, int):
            recorder.opened(path, flags)
    elif event in ("os.listdir", "os.scandir") and not isinstance(arguments[0], int):
        recorder.listed(arguments[0])


def _caller() -> str:
    """Return the file of the code that opens: what is behind the recorder and its hook."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename


@contextlib.contextmanager
def _native_noted(recorder: ReadRecorder) -> Iterator[None]:
    """Note what known readers in native code open, which raises no audit event."""
    kept = []
    for module, name in _NATIVE:
        if module in sys.modules and hasattr(sys.modules[module], name):
            reader = getattr(sys.modules[module], name)
            kept.append((sys.modules[module], name, reader))
            setattr(sys.modules[module], name, _noting(reader, recorder))
    try:
        yield
    finally:
        for owner, name, reader in kept:
            setattr(owner, name, reader)


def _noting(reader: Any, recorder: ReadRecorder) -> Any:
    @functools.wraps(reader)
    def read(path: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(path, str | bytes | os.PathLike):
            recorder.opened(path, os.O_RDONLY)
        return reader(path, *arguments, **named)

    return read


def _latest_module() -> tuple[str, Any]:
    """Return the module that was imported last, and its name."""
    name = next(reversed(sys.modules))
    return name, sys.modules[name]


def _apart_always() -> Iterator[str]:
    yield from _OF_SYSTEM
    yield from (sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(__file__)))
    yield from (os.environ[name] for name in _CACHES if os.environ.get(name))


def _mark_or_nothing(name: str) -> list[int]:
    try:
        return mark_of(Path(name))
    except OSError:
        return []


def _is_imported(name: str) -> bool:
    """Whether a module is of that file; to ask all modules takes a job longer than to read a corrupted copy."""
    return any(getattr(module, "__file__", None) == name for module in list(sys.modules.values()))


def _is_special(name: str) -> bool:
    """Whether something is there that is no plain file: a pipe, a folder that is opened as one."""
    try:
        return not stat.S_ISREG(os.stat(name).st_mode)
    except OSError:
        return False
