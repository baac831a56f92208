"""What a plugin's module reads as it is imported is known by the module; a run looks at it again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_files import load, write

from harness.catalogue.import_reads import read_at_import
from harness.execute.files_read import is_as_then, recording

PLUGIN = """
import json, os, pathlib
from read_cfg import WIDTHS
HERE = pathlib.Path(__file__).parent
WIDTH = json.loads((HERE / "net.json").read_text())["width"]
NAMES = os.listdir(HERE / "names")
try:
    MORE = (HERE / "none.json").read_text()
except FileNotFoundError:
    MORE = ""

def build(input_shape, num_classes):
    return WIDTH

@hookimpl
def harness_register_architectures():
    yield Architecture(name="reads", build=build, takes=("table",))
"""
READ = """
from pathlib import Path
WIDTHS = Path(__file__).with_name("widths.txt").read_text()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "net.json").write_text('{"width": 4}')
    (tmp_path / "names").mkdir()
    (tmp_path / "widths.txt").write_text("8")
    (tmp_path / "read_cfg.py").write_text(READ)
    yield tmp_path
    for name in ("reads_files", "read_cfg"):
        sys.modules.pop(name, None)


def test_each_module_has_read_its_own(folder: Path) -> None:
    load(write(folder, "reads_files", PLUGIN))
    found = read_at_import(["reads_files"])
    names = {os.path.relpath(path, folder): then is not None for path, then in found.items()}
    assert names == {"net.json": True, "names": True, "none.json": False}
    assert [os.path.basename(path) for path in read_at_import(["read_cfg"])] == ["widths.txt"]
    assert read_at_import(["pathlib", "nobody"]) == {}

    with recording(()) as recorder:
        recorder.read_before(found)
    kept = {os.path.basename(file.path): file for file in recorder.files()}
    assert set(kept) == {"net.json", "names", "none.json"}
    assert all(map(is_as_then, kept.values()))
    (folder / "net.json").write_text('{"width": 16}')
    (folder / "names" / "new").touch()
    (folder / "none.json").touch()
    assert not any(map(is_as_then, kept.values()))


def test_what_has_changed_since_the_import_does_not_hold(folder: Path) -> None:
    load(write(folder, "reads_files", PLUGIN))
    (folder / "net.json").write_text('{"width": 160}')
    with recording(()) as recorder:
        recorder.read_before(read_at_import(["reads_files"]))
    (changed,) = [file for file in recorder.files() if file.path == str(folder / "net.json")]
    assert not is_as_then(changed)


def test_what_a_job_reads_again_is_held_against_what_was_there_at_the_import(folder: Path) -> None:
    load(write(folder, "reads_files", PLUGIN))
    (folder / "net.json").write_text('{"width": 160}')
    with recording(()) as recorder:
        (folder / "net.json").read_text()
        (folder / "widths.txt").read_text()
        recorder.read_before(read_at_import(["reads_files", "read_cfg"]))
    held = {os.path.basename(file.path): is_as_then(file) for file in recorder.files()}
    assert not held["net.json"] and held["widths.txt"]
