"""How a path is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import UsageError
from harness_datasets.options import PathOptions
from harness_datasets.paths import expand, find_file, find_file_or_folder, find_folder


def test_home_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("DATA", "/data/$HOME")  # a value is not expanded again
    assert expand("~/images") == Path("/home/someone/images")
    assert expand("$DATA/x") == Path("/data/$HOME/x")
    assert expand("${DATA}x") == Path("/data/$HOMEx")
    assert expand("images/a b") == Path("images/a b")


def test_unset_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(UsageError, match=r"'\$NOWHERE/x': the variable NOWHERE is not set"):
        expand("$NOWHERE/x")


def test_unknown_user() -> None:
    with pytest.raises(UsageError, match="home folder"):
        expand("~no-such-user-here/x")


def test_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("")
    assert find_file(PathOptions(path=str(file))) == [file]
    assert find_folder(PathOptions(path=str(tmp_path))) == [tmp_path]
    with pytest.raises(UsageError, match="is a folder; a file is needed"):
        find_file(PathOptions(path=str(tmp_path)))
    with pytest.raises(UsageError, match="is not a folder; a folder is needed"):
        find_folder(PathOptions(path=str(file)))
    with pytest.raises(UsageError, match="does not exist"):
        find_file(PathOptions(path=str(tmp_path / "b.csv")))
    for path in (file, tmp_path):
        assert find_file_or_folder(PathOptions(path=str(path))) == path
    with pytest.raises(UsageError, match="does not exist; a file or a folder is needed"):
        find_file_or_folder(PathOptions(path=str(tmp_path / "b.npz")))
