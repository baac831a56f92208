"""A source is read once, and anew when it has changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.catalogue import syntax_cache
from harness.catalogue.syntax_cache import keep_syntax, syntax_of


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source that changed long ago, as far as the clock goes that the cache reads."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("_known", "_recalled", "_grown"):
        monkeypatch.setattr(syntax_cache, name, type(getattr(syntax_cache, name))())
    now = time.time_ns
    monkeypatch.setattr(syntax_cache.time, "time_ns", lambda: now() + 10**10)
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    return path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as another process would, in which no source is read."""
    syntax_cache._known.clear()
    syntax_cache._recalled.clear()
    monkeypatch.setattr(syntax_cache, "read_syntax", lambda _: pytest.fail("it is read again"))


def test_it_is_kept_for_the_next_process(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = syntax_of(str(module))
    keep_syntax()
    forget(monkeypatch)
    assert syntax_of(str(module)) == first


def test_a_file_of_the_same_size_and_date_is_read_anew(module: Path) -> None:
    first = syntax_of(str(module))
    date = module.stat().st_mtime_ns
    module.write_text("x = 2\n")
    os.utime(module, ns=(date, date))
    assert syntax_of(str(module)).digest != first.digest


def test_a_file_that_has_just_changed_is_not_trusted(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    syntax_of(str(module))
    assert str(module) not in syntax_cache._known


def test_a_damaged_index_is_as_none(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = syntax_of(str(module))
    keep_syntax()
    (index,) = (module.parent / "cache" / "model-harness" / "syntax").iterdir()
    for damage in ("", "[]", '{"a": 1}', index.read_text()[:-9]):
        index.write_text(damage)
        syntax_cache._known.clear()
        syntax_cache._recalled.clear()
        assert syntax_of(str(module)) == first


def test_few_folders_are_kept(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax_cache, "_KEPT_FOLDERS", 2)
    for name in "abc":
        (module.parent / name).mkdir()
        (module.parent / name / "m.py").touch()
        syntax_of(str(module.parent / name / "m.py"))
        keep_syntax()
    assert len(list((module.parent / "cache" / "model-harness" / "syntax").iterdir())) == 2


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert syntax_of(str(tmp_path / "none.py")).error == "No such file or directory"
