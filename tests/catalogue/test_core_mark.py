"""Whether the harness's own sources are as they were: asked of a folder whose files are old, then changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from harness.catalogue import core_mark
from harness.catalogue.core_mark import has_core_changed


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a source in a folder of a folder; changes are settled at once."""
    (tmp_path / "inner").mkdir()
    source = tmp_path / "inner" / "module.py"
    source.write_text("x = 1")
    monkeypatch.setattr(core_mark, "_HERE", tmp_path)
    monkeypatch.setattr(core_mark, "_GRAIN_NS", -1)
    assert has_core_changed() and not has_core_changed()
    return source


def test_a_source_that_is_written_added_or_removed_is_a_change(source: Path) -> None:
    before = source.stat()
    source.write_text("x = 2")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))  # as large and as old as before
    assert has_core_changed() and not has_core_changed()
    other = source.with_name("other.py")
    other.write_text("")
    assert has_core_changed() and not has_core_changed()
    other.unlink()
    assert has_core_changed() and not has_core_changed()
    source.with_name("notes.txt").write_text("no source")
    assert not has_core_changed()


def test_where_modules_are_looked_for_is_part_of_it(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(source.parent)])
    assert has_core_changed() and not has_core_changed()
    monkeypatch.chdir(source.parent)
    assert has_core_changed() and not has_core_changed()


def test_what_changed_just_now_may_change_again(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_mark, "_GRAIN_NS", 3600 * 10**9)
    source.write_text("x = 2")
    assert [has_core_changed() for _ in range(3)] == [True, True, True]
