"""Digests follow the contents of the files that are read, whatever their dates and links say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.plan import file_digests as module
from harness.plan.file_digests import file_digest, file_digests, walk


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_known", {})
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    monkeypatch.setattr(module, "GRAIN_NS", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_file_of_the_same_size_and_date_is_another(tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "y"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    for file in (path, other):
        os.utime(file, ns=(1, 1))
    before = file_digest(path)
    other.replace(path)
    assert file_digest(path) != before


def test_a_link_means_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "one")
    before = file_digests([link])
    link.unlink()
    link.symlink_to(tmp_path / "two")
    assert file_digests([link]) != before
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    assert file_digests([link]) == {"link": "nothing is there"}


def test_names_count_below_the_common_folder(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder / "a").mkdir(parents=True)
        (tmp_path / folder / "b").mkdir()
        (tmp_path / folder / "a" / "1").write_bytes(b"1")
        (tmp_path / folder / "b" / "1").write_bytes(b"2")
    assert set(file_digests(walk(tmp_path / "here"))) == {"a/1", "b/1"}
    assert file_digests(walk(tmp_path / "here")) == file_digests(walk(tmp_path / "there"))


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"1")
    (tmp_path / "y").write_bytes(b"2")
    files = [tmp_path / "x", tmp_path / "y"]
    before = file_digests(files)
    monkeypatch.setattr(module, "_known", {})  # as in another process
    monkeypatch.setattr(module.hashlib, "file_digest", lambda *_: pytest.fail("it is read again"))
    assert file_digests(files) == before


def test_what_has_just_changed_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRAIN_NS", 3600 * 10**9)
    path = tmp_path / "x"
    path.write_bytes(b"1")
    file_digest(path)
    assert module._known == {}
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns + 2 * 3600 * 10**9)
    file_digest(path)
    assert list(module._known) == [str(path)]


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', "not json"])
def test_a_cache_that_holds_something_else_is_no_harm(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    file_digests([path])
    (kept,) = (tmp_path / "cache" / "model-harness").iterdir()
    kept.write_text(content)
    module._known.clear()
    assert file_digests([path])["x"] == file_digest(path)


def test_a_walk_follows_links_and_ends(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "2").write_bytes(b"")
    (root / "a" / "1").write_bytes(b"")
    (root / "b").symlink_to(tmp_path / "far")
    (root / "a" / "up").symlink_to(root)
    assert [os.path.relpath(path, root) for path in walk(root)] == ["a/1", "b/2"]
