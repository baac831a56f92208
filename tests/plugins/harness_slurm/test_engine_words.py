"""The engine, by what it asks of Slurm and what Slurm says; no task runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from said_by_slurm import SaidBySlurm

from harness.catalogue.host import PluginChoice
from harness.execute.engines import Ended, EngineSetting, Place, Work
from harness.execute.request import Request
from harness.plan.jobs import DEVICES, Job
from harness.store.records import KEPT
from harness_slurm.engine import SlurmEngine
from harness_slurm.options import SlurmOptions
from harness_slurm.pools import Pool


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SaidBySlurm:
    return SaidBySlurm(tmp_path / "slurm", monkeypatch)


def engine(folder: Path, **options: object) -> SlurmEngine:
    setting = EngineSetting(plugins=PluginChoice(), store=str(folder / "store"))
    shared = folder / "shared"
    return SlurmEngine(setting, SlurmOptions(folder=str(shared), **options))  # type: ignore[arg-type]


def sent(started: SlurmEngine, folder: Path, number: int = 0, **more: object) -> Work:
    spec = more.pop("spec", {})
    job = Job("f" * 63 + str(number), "fit", f"fit {number}", spec, (), {}, **more)  # type: ignore[arg-type]
    place = started.reserve(job)
    assert isinstance(place, Place)
    home = folder / "store" / str(number)
    home.mkdir(parents=True, exist_ok=True)
    work = Work(f"token {number}", Request(job, str(home), keep=str(home / KEPT)), place, limit=60)
    started.submit(work)
    return work


def pools(folder: Path) -> dict[str, Pool]:
    """The pools of a shared folder that have jobs in their queue: {what they ask of Slurm: it}."""
    found = [Pool(one) for one in folder.glob("shared/*/pools/*")]
    return {" ".join(pool.setting()["requested"]): pool for pool in found if pool.queued()}


def test_a_fit_on_several_devices_has_a_slot_and_its_cpus_for_each(
    slurm: SaidBySlurm, tmp_path: Path
) -> None:
    started = engine(tmp_path, gpus=4)
    for number, device in enumerate(("cpu", "cuda")):
        sent(started, tmp_path, number, spec={DEVICES: 2}, threads=3, device=device)
    found = {pool.setting()["device"]: pool.setting() for pool in pools(tmp_path).values()}
    assert found["cpu"]["requested"][-1] == "--cpus-per-task=6"
    assert found["cpu"]["node"]["setting"]["cpu_slots"] == 2 == found["cpu"]["devices"]
    assert found["cuda"]["requested"][-1] == "--cpus-per-task=12"  # two at once, on four GPUs
    assert found["cuda"]["devices"] == 2


def test_a_job_that_waits_asks_for_what_the_run_that_came_back_wants(
    slurm: SaidBySlurm, tmp_path: Path
) -> None:
    sent(engine(tmp_path, memory_gib=1), tmp_path)
    ((asked, old),) = pools(tmp_path).items()
    assert "--mem=1024M" in asked
    (entry,) = map(old.entry, old.queued_entries())
    (entry.folder / "kept" / KEPT).write_bytes(b"half")  # a task that was preempted has left it

    sent(engine(tmp_path, memory_gib=2), tmp_path)
    ((asked, new),) = pools(tmp_path).items()
    assert "--mem=2048M" in asked and new.queued_entries() == [entry.name]
    assert entry.said("pool") == new.folder.name
    assert (entry.folder / "kept" / KEPT).read_bytes() == b"half"
    assert not old.folder.exists() and slurm.asked("scancel") == [f"scancel --name={old.job_name}"]


def test_a_job_that_a_task_has_stays_there_and_moves_when_the_task_is_preempted(
    slurm: SaidBySlurm, tmp_path: Path
) -> None:
    sent(engine(tmp_path, memory_gib=1), tmp_path)
    (old,) = pools(tmp_path).values()
    assert old.take(old.queued()[0], "7_0") is not None
    started = engine(tmp_path, memory_gib=2)
    sent(started, tmp_path)
    assert pools(tmp_path) == {} and len(old.taken()) == 1
    slurm.say("squeue", f"7_0|{old.job_name}|PENDING||BeginTime\n")
    started.wait(0.0)
    (asked,) = pools(tmp_path)
    assert "--mem=2048M" in asked and not old.taken()


def test_jobs_that_no_node_can_run_end_in_words_and_others_go_on(
    slurm: SaidBySlurm, tmp_path: Path
) -> None:
    asked = "--nodes=1 --ntasks=1 --partition=debug --cpus-per-task=64"
    slurm.say(
        "refused", f"--test-only {asked}"
    )  # without, Slurm 22.05 takes it and never starts it
    started = engine(tmp_path)
    sent(started, tmp_path, 0, threads=64)
    other = sent(started, tmp_path, 1)
    (ended,) = started.wait(5.0)
    assert isinstance(ended, Ended) and ended.token == "token 0"
    assert ended.outcome.status == "crashed"
    words = "Slurm takes no task for it, with --cpus-per-task=64: not available"
    assert ended.outcome.reason == words
    submitted = [one for one in slurm.asked("sbatch") if "--array" in one]
    assert ["--cpus-per-task=1 " in one for one in submitted] == [True]
    assert other.waits_for == ""


def test_a_refusal_that_passes_is_waited_out_in_words(slurm: SaidBySlurm, tmp_path: Path) -> None:
    slurm.say("refused", "--partition=debug")  # whatever the job: a limit of the user's
    started = engine(tmp_path)
    work = sent(started, tmp_path)
    assert started.wait(0.0) == []
    assert work.waits_for == "Slurm: not available"


def test_slurm_is_asked_once_a_second_at_most(slurm: SaidBySlurm, tmp_path: Path) -> None:
    started = engine(tmp_path)
    began = time.monotonic()
    for number in range(5):
        sent(started, tmp_path, number)
        started.wait(0.0)
    looks = len(slurm.asked("squeue"))
    assert 1 <= looks <= 1 + int(time.monotonic() - began)
    sent(started, tmp_path, 5)
    started.wait(1.3)
    assert len(slurm.asked("squeue")) > looks


def test_a_task_that_is_gone_is_given_seconds_to_leave_its_outcome(
    slurm: SaidBySlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = engine(tmp_path, poll=0.01, retries=0)
    sent(started, tmp_path)
    (pool,) = pools(tmp_path).values()
    assert pool.take(pool.queued()[0], "7_0") is not None
    for _ in range(3):
        assert started.wait(0.02) == []
    assert len(slurm.asked("squeue")) >= 3
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 11.0)
    (ended,) = started.wait(0.0)
    assert isinstance(ended, Ended)
    assert ended.outcome.reason == "its task 7_0 is gone in Slurm"


def test_all_pools_of_a_run_share_its_tasks(slurm: SaidBySlurm, tmp_path: Path) -> None:
    started = engine(tmp_path, tasks=3, poll=0.05)
    for number in range(6):
        sent(started, tmp_path, number, threads=1 + number // 4)
    started.wait(0.0)
    arrays = [one.rpartition("--array=")[2] for one in slurm.asked("sbatch") if "--array" in one]
    assert arrays == ["0-2"]  # the other pool has to wait
    first, second = sorted(pools(tmp_path).values(), key=lambda pool: -len(pool.queued()))
    lines = [f"7_{index}|{first.job_name}|RUNNING|n01|None\n" for index in range(3)]
    for name in first.queued():
        first.drop(first.take(name, "7_0") or "")
    slurm.say("squeue", "".join(lines))
    started.wait(0.2)
    assert first.is_closed and not second.is_closed  # tasks with nothing to do make room
    slurm.say("squeue", lines[0])
    started.wait(0.2)
    arrays = [one.rpartition("--array=")[2] for one in slurm.asked("sbatch") if "--array" in one]
    assert arrays[1] == "0-1"
