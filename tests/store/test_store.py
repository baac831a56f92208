"""The store: rows and files that are durable, locks that go with their process, words on trouble."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from store_cases import make_job, make_plan, outcome

from harness.errors import StoreError, UsageError
from harness.measure.metric import Metric
from harness.plan.jobs import Job
from harness.store import disk, job_locks
from harness.store.records import FORMAT_VERSION, KEPT
from harness.store.run_data import ExampleArrays
from harness.store.store import Store


def test_a_job_takes_few_bytes(tmp_path: Path) -> None:
    def job(number: int) -> Job:  # as long as a measure of an option of a bare architecture
        names = [sha256(b"%d" % one).hexdigest() for one in (number, -1)]
        axes = {"dataset": "digits", "architecture": "mlp:width=16", "measure": "m" * 54}
        return Job(names[0], "measure", "l" * 36, {"text": "x" * 747}, (names[1],), axes)

    with Store(tmp_path) as store:
        store.start_run(make_plan(*map(job, range(2000))), {})
    per_job = (tmp_path / "store.sqlite").stat().st_size / 2000
    assert per_job < 1700  # an outcome with a metric adds some 300


def test_outcomes_are_added_and_linked(tmp_path: Path) -> None:
    one, two = make_job(1), make_job(2)
    with Store(tmp_path / "runs") as store:
        run, name = store.start_run(make_plan(one, two), {})
        assert name == "tiny-0001"
        metrics = (
            Metric(
                name="accuracy",
                value=0.5,
                low=0.4,
                high=0.6,
                n=9,
                where={"k": [1]},
                examples=("correct",),
                samples="batch_1",
            ),
        )
        store.add_outcome(run, outcome(one, metrics=metrics, environment={"cpu": "c"}))
        store.add_outcome(run, outcome(two, "failed", reason="why"))
        store.add_outcome(run, outcome(two, "failed", reason="why again"))
        store.finish_run(run, "completed", 1.0, {"ok": 1})
        assert store.finished([one.fingerprint, two.fingerprint]) == {one.fingerprint: 1}
    with Store(tmp_path / "runs", create=False) as store:
        found = store.run_outcomes(run)
        assert [row["status"] for row in found] == ["ok", "failed"]
        assert [row["reason"] for row in found] == ["", "why again"]
        assert store.environment(found[0]["environment"]) == {"cpu": "c"}
        (row,) = store.run_metrics(run)
        assert (row["value"], row["low"], row["high"], row["n"]) == (0.5, 0.4, 0.6, 9)
        assert row["where"] == {"k": [1]} and row["exact"] is False
        assert (row["examples"], row["samples"]) == (("correct",), "batch_1")
        assert store.latest_outcome() == 3
        attempts = store._rows.execute("SELECT attempt FROM outcomes ORDER BY id").fetchall()
        assert [row["attempt"] for row in attempts] == [1, 1, 2]


def test_outcomes_are_added_all_or_none(tmp_path: Path) -> None:
    one, two = make_job(1), make_job(2)
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(one, two), {})
        bad = outcome(two, notes={"what": object()})
        with pytest.raises(TypeError):
            store.add_outcomes(run, [outcome(one), bad])
        assert store.latest_outcome() == 0
        store.add_outcomes(run, [outcome(one), outcome(two)])
        assert store.latest_outcome() == 2


def test_jobs_are_found_by_label_and_fingerprint(tmp_path: Path) -> None:
    one = make_job(0xABCDEF << 200, "accuracy mlp#0 digits")
    two = make_job(0xABCDEE << 200, "accuracy mlp#1 digits")
    with Store(tmp_path) as store:
        store.start_run(make_plan(one, two), {})
        assert store.find_job("accuracy mlp#0 digits")["fingerprint"] == one.fingerprint
        prefix = os.path.commonprefix([one.fingerprint, two.fingerprint])
        assert store.find_job(one.fingerprint[: len(prefix) + 1])["label"] == one.label
        with pytest.raises(UsageError, match="start of 2 fingerprints"):
            store.find_job(prefix)
        with pytest.raises(UsageError, match="did you mean 'accuracy mlp#1 digits' or"):
            store.find_job("accuracy mlp#2 digits")
        with pytest.raises(UsageError):
            store.find_job("%%%%")


def test_jobs_are_found_by_a_glob_of_labels(tmp_path: Path) -> None:
    labels = ("prepare digits", "prepare wine", "fit mlp:sizes=[8,8]#0 digits")
    jobs = [make_job(number, label) for number, label in enumerate(labels, start=1)]
    anew = make_job(9, "prepare digits")
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(*jobs, anew), {})
        store.add_outcomes(run, [outcome(job) for job in (*jobs, anew)])

        def found(text: str) -> list[str]:
            return [row["label"] for row in store.find_jobs(text)]

        assert found("prepare*") == ["prepare digits", "prepare wine"]
        assert store.find_jobs("prepare d*")[0]["fingerprint"] == anew.fingerprint  # the latest
        assert found("fit mlp:sizes=[8,8]#?*") == [labels[2]]
        assert found(labels[1]) == [labels[1]]
        with pytest.raises(UsageError, match="no job's label matches 'fit x"):
            store.find_jobs("fit x*")


def test_hostile_labels_do_not_become_paths(tmp_path: Path) -> None:
    job = make_job(1, "../../etc/passwd '; DROP TABLE jobs; --")
    with Store(tmp_path / "runs") as store:
        run, _ = store.start_run(make_plan(job), {})
        folder = store.new_attempt(job.fingerprint)
        assert folder.parent == tmp_path / "runs" / "jobs" / job.fingerprint
        store.add_outcome(run, outcome(job, folder=str(folder.relative_to(store.folder))))
        assert store.find_job(job.label)["folder"] == str(folder.relative_to(store.folder))


def test_attempts_that_were_killed_are_swept(tmp_path: Path) -> None:
    job = make_job(1)
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(job), {})
        kept = store.new_attempt(job.fingerprint)
        (kept / "array.npy").write_bytes(b"1")
        (kept / "inside").mkdir()
        (kept / "inside" / "file").write_bytes(b"2")
        os.symlink("/nowhere", kept / "link")
        os.mkfifo(kept / "pipe")
        store.add_outcome(run, outcome(job, folder=str(kept.relative_to(store.folder))))
        killed = store.new_attempt(job.fingerprint)
        (killed / "half").write_bytes(b"0")
        third = store.new_attempt(job.fingerprint)
        assert not killed.exists()
        assert (kept / "array.npy").exists() and third.is_dir()


def test_how_far_a_killed_attempt_has_come_goes_to_the_next(tmp_path: Path) -> None:
    job = make_job(1)
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(job), {})
        assert not (store.new_attempt(job.fingerprint) / KEPT).exists()
        killed = store.new_attempt(job.fingerprint)  # the process and the run are killed
        (killed / KEPT).write_text("1")
        timed_out = store.new_attempt(job.fingerprint)
        assert (timed_out / KEPT).read_text() == "1" and not killed.exists()
        (timed_out / KEPT).write_text("2")
        folder = str(timed_out.relative_to(store.folder))
        store.add_outcome(run, outcome(job, "timeout", folder=folder))
        interrupted = store.new_attempt(job.fingerprint)
        assert (interrupted / KEPT).read_text() == "2" and timed_out.is_dir()
        store.discard(interrupted)
        assert not interrupted.exists()
        last = store.new_attempt(job.fingerprint)
        assert (last / KEPT).read_text() == "2"
        store.discard(last)
        assert not (store.new_attempt(job.fingerprint, fresh=True) / KEPT).exists()
        assert not list(tmp_path.rglob(KEPT))


CLAIM = """
import sys
from harness.store.store import Store
store = Store(sys.argv[1])
for fingerprint in sys.stdin:
    print(store.claim(fingerprint.strip()), flush=True)
"""


@contextlib.contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def ask(process: subprocess.Popen[str], fingerprint: str) -> bool:
    assert process.stdin is not None and process.stdout is not None
    print(fingerprint, file=process.stdin, flush=True)
    return process.stdout.readline() == "True\n"


def test_a_claim_is_held_by_one_process_and_goes_with_it(tmp_path: Path) -> None:
    one, two = (make_job(n << 240).fingerprint for n in (1, 2))
    with Store(tmp_path) as store, another_process(tmp_path) as other:
        assert ask(other, one)
        assert not store.claim(one)
        assert store.claim(two)
        assert not ask(other, two)
        store.release(two)
        assert ask(other, two)
        other.kill()
        other.wait()
        assert store.claim(one) and store.claim(two)


def test_a_run_whose_process_is_gone_was_interrupted(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_store import Store, make_job, make_plan\n"
        "store = Store(sys.argv[1]); store.start_run(make_plan(make_job(1)), {})\n"
        "print('started', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "started\n"
        with Store(tmp_path) as store:
            store.start_run(make_plan(make_job(2)), {})
            assert [row["status"] for row in store.runs()] == ["running", "running"]
        other.kill()
    with Store(tmp_path) as store:
        store.start_run(make_plan(make_job(2)), {})
        assert [row["status"] for row in store.runs()] == ["interrupted", "interrupted", "running"]


def test_many_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    code = "import sys; from harness.store.store import Store; Store(sys.argv[1]).close()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "runs")], stderr=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, said


# -- trouble


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


def test_grades_count_by_their_sign_verdicts_as_they_are_and_errors_by_their_squares() -> None:
    arrays = {"grade": np.array([1.0, 3.0]), "right": np.array([True, False])}
    kept = ExampleArrays(np.array([4, 5]), arrays)

    def scores(*names: str) -> list[float] | None:
        found = kept.scores(names)
        return None if found is None else found[1].tolist()

    assert scores("+grade") == [1, 3] and scores("-grade") == [-1, -3]
    assert scores("grade") == [-1, -9] and scores("right") == [1, 0]
    assert scores("-grade", "right") == [0, -1.5] and scores("-other") is None
