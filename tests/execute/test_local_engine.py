"""The local engine: a warm server without threads, that outlives what is imported into it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from harness_process import Workplace, until

from harness.catalogue.host import PluginChoice
from harness.errors import HarnessError
from harness.execute import local
from harness.execute.engines import Ended, EngineSetting, Slot, Work
from harness.execute.local import LocalEngine
from harness.execute.request import Request
from harness.plan.jobs import Job

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


def work(folder: Path, token: str = "one", sort: str = "nothing") -> Work:
    job = Job(fingerprint="0" * 64, sort=sort, label="nothing", spec={}, needs=(), axes={})
    inside = folder / token
    inside.mkdir()
    return Work(token=token, request=Request(job, str(inside)), slot=Slot(name="cpu0"))


def wait_for_one(engine: LocalEngine, seconds: float = 120.0) -> Ended:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for ended in engine.wait(end - time.monotonic()):
            return ended
    raise AssertionError("no job ended")


def threads(process: int) -> int:
    return len(list(Path(f"/proc/{process}/task").iterdir()))


def test_the_server_has_one_thread_when_it_forks(tmp_path: Path) -> None:
    preload = ("harness_architectures.resnet", "harness_quality.accuracy", "torch")
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=preload))
    try:
        for number in range(2):
            engine.submit(work(tmp_path, str(number)))
            ended = wait_for_one(engine)
            assert ended.token == str(number)
            assert ended.outcome.status == "failed"
            assert "no attribute 'nothing'" in ended.outcome.reason
            assert ended.outcome.environment["threads"] == 1
            assert threads(engine.server.pid) == 1
    finally:
        engine.close()
    assert engine.server.poll() is not None


@pytest.mark.parametrize("deed", ["os._exit(5)", "time.sleep(1000)"])
def test_a_module_that_ends_or_stops_the_server_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    (tmp_path / "deadly.py").write_text(f"import os, time\n{deed}\n")
    monkeypatch.syspath_prepend(tmp_path)
    if "sleep" in deed:
        monkeypatch.setattr(local, "_IMPORT_SECONDS", 3.0)
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=("deadly",)))
    try:
        engine.submit(work(tmp_path))
        first = engine.server.pid
        assert until(lambda: [*engine.wait(0.1)] or engine.server.pid != first)
        monkeypatch.setattr(local, "_IMPORT_SECONDS", 300.0)
        assert wait_for_one(engine).outcome.status == "failed"
    finally:
        engine.close()


def test_a_server_that_dies_without_a_job_is_an_error(tmp_path: Path) -> None:
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=()))
    try:
        engine.server.send_signal(signal.SIGKILL)
        with pytest.raises(HarnessError, match=r"has ended: signal 9 \(SIGKILL\)"):
            wait_for_one(engine)
    finally:
        engine.close()


def test_closing_ends_what_runs_at_once(tmp_path: Path) -> None:
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=()))
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 1.0
    assert engine.server.poll() == -signal.SIGKILL


def test_waiting_costs_nothing(workplace: Workplace) -> None:
    workplace.write(
        "slow.py",
        """
import time
from harness.api import Measure, Metric, hookimpl

def nap():
    time.sleep(2)
    yield Metric(name="slept", value=2)

@hookimpl
def harness_register_measures():
    yield Measure(name="nap", takes=("image", "sequence", "table"), run=nap, scope="architecture")
""",
    )
    workplace.plugins.append(workplace.folder / "slow.py")
    workplace.write(
        "slow.toml",
        """
[suite]
name = "slow"
[matrix]
architectures = ["mlp"]
datasets = ["digits"]
recipes = ["plain"]
[recipes.plain]
epochs = 1
[[measure]]
name = "nap"
""",
    )
    process = workplace.start("slow.toml", "store")
    notes = process.announced
    assert until(lambda: notes.exists() and "nap mlp digits" in notes.read_text())
    time.sleep(0.3)
    before, started = cpu_ticks(process.process.pid), time.monotonic()
    time.sleep(1.5)
    used = (cpu_ticks(process.process.pid) - before) / 100
    assert used / (time.monotonic() - started) < 0.05
    _, errors = process.output()
    assert process.wait() == 0, errors


def cpu_ticks(process: int) -> int:
    """Return the hundredths of a second that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
