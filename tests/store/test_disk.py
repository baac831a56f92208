"""Trouble with the store on the disk, in words: damaged, full, held, read-only, of another program."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_cases import make_job, make_plan, outcome

from harness.errors import StoreError
from harness.store import disk, job_locks
from harness.store.records import FORMAT_VERSION
from harness.store.store import Store


def words(path: Path, create: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        Store(path, create=create)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_no_store(tmp_path: Path) -> None:
    assert "there is no store in" in words(tmp_path / "runs", create=False)
    assert not (tmp_path / "runs").exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("notes")
    assert "there is a file; use --store DIR" in words(tmp_path / "runs")
    assert "there is a file; use --store DIR" in words(tmp_path / "runs" / "inside")


def test_a_newer_format(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite")) as rows, rows:
        rows.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    for create in (True, False):
        assert f"has format 99, newer than this program's {FORMAT_VERSION}" in words(
            tmp_path, create
        )


def test_a_store_that_another_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path).close()
    monkeypatch.setattr(disk, "_BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process for over 0.05 s"):
        Store(tmp_path)
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the system must tell who holds a lock")
def test_a_set_up_that_takes_for_ever_names_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_locks, "_SET_UP_SECONDS", 0.05)
    code = (
        "import sys; from pathlib import Path; from harness.store.job_locks import JobLocks\n"
        "with JobLocks(Path(sys.argv[1])).set_up(): print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "claims")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"set up by process {other.pid}, for over 0.05 s"):
            Store(tmp_path)
        other.kill()
    Store(tmp_path).close()


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"what is this" * 1000)
    assert "is damaged (file is not a database)" in words(tmp_path)
    assert "is damaged (file is not a database)" in words(tmp_path, create=False)


def test_a_file_that_is_damaged_inside(tmp_path: Path) -> None:
    jobs = [make_job(n) for n in range(500)]
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(*jobs), {})
        store.add_outcomes(run, [outcome(job) for job in jobs])
    path = tmp_path / "store.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"), Store(tmp_path, create=False) as store:
        store.run_outcomes(run)


def test_another_programs_database(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite")) as rows:
        rows.execute("CREATE TABLE theirs (x)")
    assert "is no store of this program" in words(tmp_path, create=False)
    with contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite")) as rows, rows:
        rows.execute("CREATE TABLE meta (name, value)")
    assert "does not say which format" in words(tmp_path, create=False)


@contextlib.contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    """Mount a file system while the block runs; skip where this user cannot."""
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount`")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is refused here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", arguments[-1]], check=True)


def test_a_read_only_file_system_is_read_but_not_written(tmp_path: Path) -> None:
    original, place = tmp_path / "original", tmp_path / "mounted"
    place.mkdir()
    with Store(original) as store:
        run, name = store.start_run(make_plan(make_job(1)), {})
        store.add_outcome(run, outcome(make_job(1)))
    with mounted("--bind", str(original), str(place)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        assert "read-only" in words(place) or "cannot be written" in words(place)
        assert "read-only" in words(place / "new")
        with Store(place, create=False) as store:
            assert store.run_row(name)["id"] == run
            assert [row["status"] for row in store.run_outcomes(run)] == ["ok"]


def test_a_folder_without_write_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write anywhere")
        assert "cannot be written" in words(tmp_path / "runs")
    finally:
        tmp_path.chmod(0o755)


def test_a_full_disk_keeps_what_is_there(tmp_path: Path) -> None:
    one, two = make_job(1), make_job(2)
    with mounted("-t", "tmpfs", "-o", "size=3m", "none", str(tmp_path)):
        with Store(tmp_path / "runs") as store:
            run, _ = store.start_run(make_plan(one, two), {})
            store.add_outcome(run, outcome(one))
            store.check_space()
            with pytest.raises(StoreError, match="is full; free some space"):
                store.check_space("OSError: [Errno 28] No space left on device")
            with contextlib.suppress(OSError), open(tmp_path / "ballast", "wb") as file:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            with pytest.raises(StoreError, match="is full; free some space"):
                store.check_space()
            with pytest.raises(StoreError, match="is full; free some space"):
                store.add_outcome(run, outcome(two, traceback="x" * 3_000_000))
            os.unlink(tmp_path / "ballast")
            store.add_outcome(run, outcome(two))
        with Store(tmp_path / "runs", create=False) as store:
            assert [row["status"] for row in store.run_outcomes(run)] == ["ok", "ok"]
