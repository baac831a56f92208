"""Files of jobs on their way to another machine and back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.execute import travel
from harness.execute.request import Request
from harness.execute.travel import pack, relocate, unpack
from harness.plan.jobs import Job
from harness.store.records import KEPT

FILES = {"log.txt": b"said", "empty": b"", "in/deep.bin": os.urandom(25), "just": b"12345678"}


def fill(folder: Path) -> None:
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("size", [1, 3, 8, 25, 1 << 20])
def test_files_arrive_as_they_were_whatever_the_size_of_a_parcel(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(travel, "PARCEL_BYTES", size)
    there, here = tmp_path / "there", tmp_path / "here"
    fill(there)
    (there / "outcome.json").write_text("{}")
    (there / "link").symlink_to("/etc/passwd")
    os.mkfifo(there / "pipe")
    here.mkdir()
    (here / "log.txt").write_text("said so far, and longer than that")
    for parcel in pack(there):
        assert sum(len(data) for _, _, data in parcel) <= size
        unpack(parcel, here)
    assert contents(here) == FILES


def test_an_empty_folder_is_a_parcel_too(tmp_path: Path) -> None:
    assert list(pack(tmp_path)) == [[]]


@pytest.mark.parametrize("name", ["../out", "/etc/out", "in/../../out", "", "link/out"])
def test_nothing_is_written_outside_of_a_folder(name: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    with pytest.raises(HarnessError, match="outside of"):
        unpack([(name, 0, b"data")], inside)
    assert not list(outside.iterdir()) and not (tmp_path / "out").exists()


def test_a_link_that_bears_a_files_name_is_not_followed(tmp_path: Path) -> None:
    precious, inside = tmp_path / "precious", tmp_path / "inside"
    precious.write_text("precious")
    inside.mkdir()
    (inside / "log.txt").symlink_to(precious)
    unpack([("log.txt", 0, b"said")], inside)
    assert precious.read_text() == "precious" and (inside / "log.txt").read_text() == "said"


def test_a_request_names_the_folders_of_the_machine_that_it_is_on() -> None:
    job = Job("f" * 64, "fit", "fit x", {}, ("d" * 64,), {})
    request = Request(job, "/store/f/1", {"d" * 64: "/store/d/1"}, keep="/store/f/1/" + KEPT)
    moved = relocate(request, Path("/node/f"), {"d" * 64: Path("/node/d"), "e": Path("/node/e")})
    assert (moved.folder, moved.needs) == ("/node/f", {"d" * 64: "/node/d"})
    assert moved.keep == f"/node/f/{KEPT}" and moved.job == job
    assert Request.from_text(moved.to_text()) == moved
    assert relocate(Request(job, "/store"), Path("/node"), {}).keep == ""
