"""The shared folder: a job is in one place, and found again by what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.api.nodes import KEPT
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness.store.records import Outcome
from harness_slurm.pools import Limits, Pool, QueuedJob, tidy


def request(folder: Path, **more: object) -> Request:
    job = Job(sort="fit", fingerprint="f" * 64, label="fit one", spec={}, needs=(), axes={})
    folder.mkdir(exist_ok=True)
    return Request(job, str(folder), **more)  # type: ignore[arg-type]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool.make(tmp_path / "base", {"device": "cpu"})


def test_another_attempt_finds_the_job_and_one_on_other_needs_does_not(tmp_path: Path) -> None:
    base = tmp_path / "base"
    first = request(tmp_path / "a", keep=str(tmp_path / "a" / KEPT), keep_every=300.0)
    second = request(tmp_path / "b", keep=str(tmp_path / "b" / KEPT))
    assert QueuedJob.of(base, first) == QueuedJob.of(base, second)
    for other in (
        replace(first, needs={"1": "/store/other"}),
        replace(first, trying=True),
        replace(first, job=replace(first.job, fingerprint="e" * 64)),
    ):
        assert QueuedJob.of(base, other) != QueuedJob.of(base, first)


def test_one_task_takes_a_job_and_gives_it_back(pool: Pool, tmp_path: Path) -> None:
    asked = request(tmp_path / "a")
    entry = QueuedJob.of(tmp_path / "base", asked)
    entry.make(asked, pool, Limits(60.0, 30.0))
    pool.close()
    pool.put(1, entry)
    assert not pool.is_closed  # a job opens it again
    (queued,) = pool.queued()
    taken = pool.take(queued, "3_0")
    assert taken is not None and pool.take(queued, "3_1") is None
    assert pool.taken() == {entry.name: taken} and pool.busy() == {"3_0"} and pool.has(entry)
    pool.give_back(taken)
    pool.give_back(taken)  # it may be late
    assert pool.queued() == [queued] and not pool.busy() and pool.has(entry)
    assert pool.withdraw(entry) and not pool.withdraw(entry) and not pool.has(entry)
    pool.put(1, entry)

    taken = pool.take(queued, "3_1")
    assert taken is not None and not pool.withdraw(entry)
    entry.end(Outcome(fingerprint=asked.job.fingerprint, status="crashed", reason="so"))
    assert not pool.busy()  # it has ended, though the task has not said so yet
    pool.drop(taken)
    assert not pool.has(entry)
    outcome = entry.outcome()
    assert outcome is not None and outcome.reason == "so"


def test_the_same_setting_is_the_same_pool(pool: Pool, tmp_path: Path) -> None:
    assert Pool.make(tmp_path / "base", {"device": "cpu"}) == pool
    other = Pool.make(tmp_path / "base", {"device": "cuda"})
    assert other != pool and other.job_name != pool.job_name
    assert other.setting() == {"device": "cuda"}


def test_what_was_kept_goes_along_and_comes_back(pool: Pool, tmp_path: Path) -> None:
    asked = request(tmp_path / "a", keep=str(tmp_path / "a" / KEPT))
    Path(asked.keep).write_bytes(b"half")
    entry = QueuedJob.of(tmp_path / "base", asked)
    entry.make(asked, pool, Limits(60.0, 30.0))
    assert (entry.folder / "kept" / KEPT).read_bytes() == b"half"
    (entry.folder / "kept" / KEPT).write_bytes(b"more")
    entry.say("log.txt", "printed")
    lost = tmp_path / "lost"
    lost.mkdir()
    entry.bring(lost)
    assert (lost / KEPT).read_bytes() == b"more"
    assert (lost / "log.txt").read_text() == "printed"

    (entry.folder / "files" / "deep").mkdir(parents=True)
    (entry.folder / "files" / "deep" / "array.npy").write_bytes(b"1")
    back = tmp_path / "back"
    back.mkdir()
    entry.bring(back)
    assert not (back / KEPT).exists()  # it ended, and left no such file
    assert (back / "deep" / "array.npy").read_bytes() == b"1"
    entry.remove()
    assert entry.outcome() is None and not entry.folder.exists()


def test_what_a_killed_run_has_recorded_goes_and_what_it_had_not_stays(
    pool: Pool, tmp_path: Path
) -> None:
    base, entries = tmp_path / "base", {}
    for name in ("recorded", "not yet", "not handed"):
        asked = replace(request(tmp_path / name), needs={"1": name})
        entries[name] = entry = QueuedJob.of(base, asked)
        entry.make(asked, pool, Limits(60.0, 30.0))
        entry.end(Outcome(fingerprint=asked.job.fingerprint, status="ok"))
        if name != "not handed":
            entry.hand(tmp_path / name)
    (tmp_path / "recorded" / "request.json").unlink()  # a run does so before it records
    (base / "gone" / "half").mkdir(parents=True)
    tidy(base)
    assert not entries["recorded"].folder.exists() and not (base / "gone").exists()
    assert entries["not yet"].outcome() and entries["not handed"].outcome()
