"""What a job opens while it runs is noted; what is code, the system's or its own is not."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.execute.files_read import is_as_then, read_now, recording
from harness.store.records import FileRead


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one's own that is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("rec_"):
            del sys.modules[name]


def noted(read: Callable[[], object], apart: tuple[str, ...] = ()) -> dict[str, str]:
    """Return {name: digest} of the files that a function reads."""
    with recording(apart) as recorder:
        read()
    return {os.path.basename(file.path): file.digest for file in recorder.files()}


READERS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "text": (lambda p: p.write_text("a"), lambda p: p.read_text()),
    "open": (lambda p: p.write_text("a"), lambda p: open(p).close()),
    "bytes as a name": (lambda p: p.write_text("a"), lambda p: open(os.fsencode(p)).close()),
    "relative": (lambda p: p.write_text("a"), lambda p: Path(p.name).read_text()),
    "descriptor": (lambda p: p.write_text("a"), lambda p: os.close(os.open(p, os.O_RDONLY))),
    "json": (lambda p: p.write_text("{}"), lambda p: json.loads(p.read_bytes())),
    "torch": (lambda p: torch.save({"a": torch.zeros(2)}, p), lambda p: torch.load(p)),
    "torch, mapped": (
        lambda p: torch.save({"a": torch.zeros(2)}, p),
        lambda p: torch.load(p, mmap=True),
    ),
    "safetensors": (lambda p: save_file({"a": torch.zeros(2)}, p), lambda p: load_file(p)),
    "numpy": (lambda p: p.write_bytes(np.zeros(2).tobytes()), lambda p: np.fromfile(p)),
    "numpy, mapped": (
        lambda p: p.write_bytes(np.zeros(2).tobytes()),
        lambda p: np.memmap(p, mode="r"),
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_is_read_is_noted(here: Path, reader: str) -> None:
    write, read = READERS[reader]
    path = here / "data"
    write(path)
    assert noted(lambda: read(path)) == {"data": read_now(str(path)).digest}


def test_a_thread_reads_for_the_job_too(here: Path) -> None:
    (here / "data").touch()
    thread = threading.Thread(target=(here / "data").read_text)

    def read() -> None:
        thread.start()
        thread.join()

    assert set(noted(read)) == {"data"}


def test_names_in_a_folder(here: Path) -> None:
    for name in ("one", "two"):
        (here / "photos" / name).mkdir(parents=True)
    before = read_now(str(here / "photos"))
    for read in (os.listdir, lambda p: list(os.scandir(p)), lambda p: list(Path(p).glob("*"))):
        found = noted(lambda read=read: read(here / "photos"))  # type: ignore[misc]
        assert found == {"photos": before.digest}
    (here / "photos" / ".DS_Store").touch()
    assert is_as_then(before)
    (here / "photos" / "three").mkdir()
    assert not is_as_then(before)


def test_a_file_that_is_not_there(here: Path) -> None:
    def read() -> None:
        with pytest.raises(FileNotFoundError):
            (here / "none").read_text()

    with recording(()) as recorder:
        read()
    (file,) = recorder.files()
    assert is_as_then(file)
    (here / "none").touch()
    assert not is_as_then(file)


def test_its_own_files_are_not_noted(here: Path) -> None:
    def write_and_read() -> None:
        (here / "own").write_text("a")
        (here / "own").read_text()

    assert noted(write_and_read) == {}


def test_what_is_covered_otherwise_is_not_noted(here: Path) -> None:
    (here / "store").mkdir()
    (here / "store" / "array").touch()
    (here / "store2").touch()
    read = lambda: [(here / "store" / "array").read_text(), (here / "store2").read_text()]
    assert set(noted(read, ("store",))) == {"store2"}


def test_what_is_the_systems_is_not_noted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(here / "hub"))
    for name in ("hub/weights", ".cache/index", "x/site-packages/a/b", "torchinductor_me/c"):
        (here / name).parent.mkdir(parents=True)
        (here / name).touch()

    def read() -> None:
        Path("/proc/self/status").read_text()
        for name in ("hub/weights", ".cache/index", "x/site-packages/a/b", "torchinductor_me/c"):
            (here / name).read_text()
        Path(np.__file__).read_text()

    assert noted(read) == {}


def test_a_file_that_changes_while_it_is_read_never_holds(here: Path) -> None:
    (here / "data").write_text("a")
    with recording(()) as recorder:
        (here / "data").read_text()
        shutil.copy(__file__, here / "other")
        os.replace(here / "other", here / "data")
    (file,) = (file for file in recorder.files() if file.path.endswith("data"))
    assert not is_as_then(file)


def test_code_is_noted_by_module_and_not_as_a_file(here: Path) -> None:
    (here / "rec_module.py").write_text("import rec_other\nimport colorsys\n")
    (here / "rec_other.py").write_text("x = 1\n")

    def load() -> None:
        importlib.import_module("rec_module")
        import inspect

        inspect.getsource(sys.modules["rec_module"])

    with recording(()) as recorder:
        load()
    assert recorder.modules() == ("rec_module", "rec_other") and recorder.files() == ()


def test_a_script_that_is_executed_is_a_file(here: Path) -> None:
    (here / "rec_script.py").write_text("x = 1\n")
    script = here / "rec_script.py"
    assert set(noted(lambda: exec(script.read_text(), {})))  # noqa: S102 == {"rec_script.py"}
    before = read_now(str(script))
    script.write_text("x = 1  # a comment\n")
    assert is_as_then(before)


def test_touching_is_no_change_and_a_new_content_of_the_same_date_is(here: Path) -> None:
    path = here / "data"
    path.write_text("one")
    file = read_now(str(path))
    os.utime(path, ns=(1, 1))
    assert is_as_then(file)
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    assert not is_as_then(file)
    path.unlink()
    assert not is_as_then(file)


def test_a_mark_saves_reading_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.execute import files_read

    path = here / "data"
    path.write_text("one")
    assert read_now(str(path)).mark == ""  # it may change again within the clock's grain
    monkeypatch.setattr(files_read, "GRAIN_NS", -(10**18))
    file = read_now(str(path))
    assert file.mark
    assert is_as_then(FileRead(file.path, "what is not compared", file.mark))


def test_nothing_is_noted_afterwards(here: Path) -> None:
    (here / "data").touch()
    with recording(()) as recorder:
        pass
    (here / "data").read_text()
    load = load_file
    assert recorder.files() == () and load is load_file
    assert sys.modules["safetensors"].safe_open is sys.modules["safetensors.torch"].safe_open


def test_modules_are_noted_by_when_they_came_and_all_where_that_cannot_be_told(here: Path) -> None:
    for name in ("rec_before", "rec_latest", "rec_one", "rec_two"):
        (here / f"{name}.py").touch()
    importlib.import_module("rec_before")
    importlib.import_module("rec_latest")
    with recording(()) as recorder:
        importlib.import_module("rec_two")
        importlib.import_module("rec_one")
        assert recorder.modules() == ("rec_one", "rec_two")
        del sys.modules["rec_latest"]
        assert {"rec_before", "rec_one", "rec_two"} <= set(recorder.modules())
        importlib.import_module("rec_latest")  # the same name, and another module
        assert {"rec_before", "rec_one", "rec_two"} <= set(recorder.modules())
