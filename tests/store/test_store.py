"""The store: rows and files that are durable, locks that go with their process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from store_cases import make_job, make_plan, outcome

from harness.errors import UsageError
from harness.measure.metric import Metric
from harness.plan.jobs import Job
from harness.store.records import KEPT
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
        with pytest.raises(UsageError, match=r"no job's label matches 'fit x\*'; allowed: fit mlp"):
            store.find_jobs("fit x*")
        with pytest.raises(UsageError, match=r"'prepare wime\*'; did you mean 'prepare wine'"):
            store.find_jobs("prepare wime*")


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
