"""The local engine: a warm server without threads, that outlives what is imported into it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness_process import Workplace, until
from huge_pages_here import has_huge_pages, huge_bytes

from harness.catalogue.host import PluginChoice
from harness.errors import HarnessError
from harness.execute import local, server_process, server_start
from harness.execute.engines import Ended, EngineSetting, Work
from harness.execute.fork_server import _MANY_JOBS
from harness.execute.local import LocalEngine
from harness.execute.places import LocalPlace
from harness.execute.request import Request
from harness.machine.processes import started_with
from harness.plan.jobs import Job

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


DEEDS = """
import sys, types

def run(request, items, emit, notes):
    exec(request.job.spec["code"], {"request": request})

sys.modules["harness.execute.deed_job"] = types.SimpleNamespace(run=run)
"""


def work(folder: Path, token: str = "one", sort: str = "nothing", code: str = "") -> Work:
    spec = {"code": code}
    job = Job(fingerprint="0" * 64, sort=sort, label="nothing", spec=spec, needs=(), axes={})
    inside = folder / token
    inside.mkdir()
    return Work(token=token, request=Request(job, str(inside)), place=LocalPlace(name="cpu0"))


@dataclass(frozen=True)
class Begun:
    """An engine, and how jobs ended that it was given as soon as it was there: a deed that sleeps was killed at once."""

    engine: LocalEngine
    ended: dict[str, Ended]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """An engine whose jobs of the sort "deed" do what their spec's code says."""
    folder = tmp_path_factory.mktemp("deeds")
    (folder / "deeds.py").write_text(DEEDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        preload = ("deeds", "harness_architectures.resnet", "harness_quality.accuracy", "torch")
        engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=preload))
        try:
            engine.submit(work(folder, "sleeps", "deed", "import time; time.sleep(60)"))
            engine.submit(work(folder, "other"))
            engine.kill("sleeps", "it is not wanted")
            assert not engine.server.ready
            ended = [wait_for_one(engine) for _ in range(2)]
            assert engine.server.ready
            yield Begun(engine, {one.token: one for one in ended})
        finally:
            engine.close()
            assert engine.server.process.poll() is not None


@pytest.fixture(scope="module")
def deeds(begun: Begun) -> LocalEngine:
    return begun.engine


def wait_for_one(engine: LocalEngine, seconds: float = 120.0) -> Ended:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for ended in engine.wait(end - time.monotonic()):
            return ended
    raise AssertionError("no job ended")


def threads(process: int) -> int:
    return len(list(Path(f"/proc/{process}/task").iterdir()))


def test_the_server_has_one_thread_when_it_forks(deeds: LocalEngine, tmp_path: Path) -> None:
    for number in range(2):
        deeds.submit(work(tmp_path, str(number)))
        ended = wait_for_one(deeds)
        assert ended.token == str(number)
        assert ended.outcome.status == "failed"
        assert "No module named 'harness.execute.nothing_job'" in ended.outcome.reason
        assert ended.outcome.environment["threads"] == 1
        assert threads(deeds.server.process.pid) == 1


def test_a_job_imports_nothing_of_the_harness_or_torch_anew(
    deeds: LocalEngine, tmp_path: Path
) -> None:
    code = """
import gc, pathlib, types  # what the server has imported is frozen, so that the collector does not see it
seen = [one.__name__ for one in gc.get_objects() if type(one) is types.ModuleType]
late = [name for name in seen if name.startswith(("harness", "torch"))]
pathlib.Path(request.folder, "late").write_text(" ".join(late))
"""
    deeds.submit(work(tmp_path, sort="deed", code=code))
    assert wait_for_one(deeds).outcome.status == "ok"
    assert (tmp_path / "one" / "late").read_text() == ""


def test_forks_of_a_server_with_many_jobs_are_of_huge_pages(
    deeds: LocalEngine, tmp_path: Path
) -> None:
    for number in range(_MANY_JOBS):
        deeds.submit(work(tmp_path, str(number), sort="deed"))
        assert wait_for_one(deeds).outcome.status == "ok"
    if has_huge_pages():
        assert huge_bytes(deeds.server.process.pid) > 50e6  # of some 200 MB


def test_a_job_is_killed_that_the_server_has_not_started_yet(begun: Begun) -> None:
    killed = begun.ended["sleeps"].outcome
    assert (killed.status, killed.reason) == ("timeout", "it is not wanted")
    assert "No module named" in begun.ended["other"].outcome.reason


def test_an_optimizer_s_first_step_imports_no_compiler(deeds: LocalEngine, tmp_path: Path) -> None:
    code = """
import pathlib, sys, torch
weight = torch.nn.Parameter(torch.ones(3))
weight.grad = torch.ones(3)
torch.optim.AdamW([weight]).step()
torch.autograd.grad(weight.square(), weight, torch.ones(3))
pathlib.Path(request.folder, "there").write_text(f"{'sympy' in sys.modules} {'torch._inductor' in sys.modules}")
"""
    deeds.submit(work(tmp_path, sort="deed", code=code))
    assert wait_for_one(deeds).outcome.status == "ok"
    assert (tmp_path / "one" / "there").read_text() == "True False"


def test_a_server_that_was_started_early_is_taken_by_the_first_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = EngineSetting(plugins=PluginChoice(), preload=())
    with server_start.early():
        begun = server_start._early
        assert begun is not None and begun.process.poll() is None
        monkeypatch.setattr(
            sys, "path", [*sys.path, str(tmp_path)]
        )  # as a catalogue appends what is here
        engine = LocalEngine(setting)
        engine.close()
        assert engine.server.process is begun.process and begun.process.poll() is not None
    with server_start.early():
        begun = server_start._early
        assert begun is not None
        monkeypatch.setenv("A_JOB_READS", "this")
        engine = LocalEngine(setting)
        engine.close()
        assert engine.server.process.pid != begun.process.pid and begun.process.poll() is not None
    with server_start.early():
        begun = server_start._early
    assert begun is not None and begun.process.poll() is not None


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["os._exit(5)", "time.sleep(1000)"])
def test_a_module_that_ends_or_stops_the_server_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    (tmp_path / "deadly.py").write_text(f"import os, time\n{deed}\n")
    monkeypatch.syspath_prepend(tmp_path)
    if "sleep" in deed:
        monkeypatch.setattr(server_process, "IMPORT_SECONDS", 3.0)
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=("deadly",)))
    try:
        engine.submit(work(tmp_path))
        first = engine.server.process.pid
        assert until(lambda: [*engine.wait(0.1)] or engine.server.process.pid != first)
        monkeypatch.setattr(server_process, "IMPORT_SECONDS", 300.0)
        assert wait_for_one(engine).outcome.status == "failed"
    finally:
        engine.close()


def test_servers_that_die_again_and_again_are_an_error(tmp_path: Path) -> None:
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=()))
    try:
        for number in range(local._REPLACEMENTS):
            engine.server.process.send_signal(signal.SIGKILL)
            assert until(lambda: engine.wait(0.1) == [] and engine._replaced == number + 1)  # noqa: B023
        engine.server.process.send_signal(signal.SIGKILL)
        with pytest.raises(
            HarnessError, match=r"has ended: signal 9 \(SIGKILL\), 4 times in a row"
        ):
            wait_for_one(engine)
    finally:
        engine.close()


LEFT_BEHIND = """
import os, subprocess, sys, time
def note():
    with open("{place}", "a") as file:
        file.write(f"{{os.getpid()}}\\n")
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"], start_new_session=True)
if os.fork() == 0:  # a daemon, as it is made since ever
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        os.fork()
        note()
        time.sleep(600)
    os._exit(0)
for _ in range(500):
    if os.path.exists("{place}") and len(open("{place}").readlines()) == 2:
        break
    time.sleep(0.01)
{end}
"""


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)", "time.sleep(600)"])
def test_what_a_job_started_ends_with_it(deeds: LocalEngine, tmp_path: Path, end: str) -> None:
    place = tmp_path / "daemons"
    code = LEFT_BEHIND.format(place=place, end=end)
    before = set(descendants(deeds))
    deeds.submit(work(tmp_path, "beside", "deed", "import time; time.sleep(600)"))
    deeds.submit(work(tmp_path, "one", "deed", code))
    if "600" in end:
        assert until(lambda: place.exists() and deeds.wait(0.01) == [])
        assert len(set(descendants(deeds)) - before) >= 7
        deeds.kill("one", "it took too long")
    assert wait_for_one(deeds).token == "one"
    assert until(lambda: len(set(descendants(deeds)) - before) == 1, 2.0)  # the job beside it
    deeds.kill("beside", "the test is over")
    wait_for_one(deeds)


def descendants(engine: LocalEngine) -> list[int]:
    """Return the living processes with the mark of an engine's server, the server left out."""
    mark = f"{server_start._MARK}={engine.server._born.mark}"
    return [n for n in started_with(mark) if n != engine.server.process.pid]


def test_a_stopped_job_is_killed(deeds: LocalEngine, tmp_path: Path) -> None:
    deeds.submit(work(tmp_path, code="import os, signal; os.kill(os.getpid(), 19)", sort="deed"))
    until(lambda: deeds.wait(0.1) or "T" in states(deeds))
    deeds.kill("one", "its time is over")
    ended = wait_for_one(deeds).outcome
    assert (ended.status, ended.reason) == ("timeout", "its time is over")


def states(engine: LocalEngine) -> str:
    texts = [Path(f"/proc/{n}/stat").read_text() for n in descendants(engine)]
    return "".join(text.rpartition(")")[2].split()[0] for text in texts)


def test_a_quiet_server_is_asked_and_kept(
    deeds: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(server_process, "ANSWER_SECONDS", 0.3)
    deeds.submit(work(tmp_path, "one", "deed", "import time; time.sleep(1)"))
    first = deeds.server.process.pid
    assert wait_for_one(deeds).outcome.status == "ok"
    assert deeds.server.process.pid == first
    # The machine, or this process, sleeps for longer than any limit: no word came, and none was missed.
    monkeypatch.setattr(time, "monotonic", lambda clock=time.monotonic: clock() + 1000)
    for _ in range(3):
        assert deeds.wait(0.0) == []
    assert deeds.server.process.pid == first


STOPS_THE_SERVER = """
import os, time
{once}
os.kill(os.getppid(), {number})
time.sleep(600)
"""
ONCE = """
seen = os.path.join(os.path.dirname(request.folder), "seen")
if os.path.exists(seen):
    open(os.path.join(request.folder, "again"), "w").close()
    os._exit(7)
open(seen, "w").close()
open(os.path.join(request.folder, "half"), "w").close()
import subprocess
subprocess.Popen(["sleep", "600"], start_new_session=True)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGSTOP, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_a_server_that_answers_no_more_is_replaced_and_its_jobs_run_again(
    deeds: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(server_process, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(server_process, "ANSWER_SECONDS", 0.5)
    first, left = deeds.server.process.pid, f"{server_start._MARK}={deeds.server._born.mark}"
    code = STOPS_THE_SERVER.format(once=ONCE, number=int(number))
    deeds.submit(work(tmp_path, "one", "deed", code))
    ended = wait_for_one(deeds).outcome
    assert "exit code 7" in ended.reason  # it ran a second time
    assert not (tmp_path / "one" / "half").exists() and (tmp_path / "one" / "again").exists()
    assert deeds.server.process.pid != first and not started_with(left)


@pytest.mark.slow
def test_a_job_that_takes_every_server_down_is_crashed(
    deeds: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(server_process, "ANSWER_SECONDS", 0.5)
    code = STOPS_THE_SERVER.format(once="", number=int(signal.SIGSTOP))
    deeds.submit(work(tmp_path, "one", "deed", code))
    ended = wait_for_one(deeds).outcome
    assert ended.status == "crashed"
    assert ended.reason == "the process that started it has not answered for 0.5 s"


def test_a_server_that_is_stopped_while_it_imports_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(server_process, "ANSWER_SECONDS", 0.2)
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=("json",)))
    try:
        first = engine.server.process
        first.send_signal(signal.SIGSTOP)
        assert until(lambda: engine.wait(0.05) == [] and engine.server.process is not first, 10.0)
        assert first.poll() == -signal.SIGKILL and engine._preload == ("json",)
    finally:
        engine.close()


@pytest.mark.slow
def test_a_stopped_server_ends_with_its_parent(tmp_path: Path) -> None:
    code = """
import os, signal, sys, time
from harness.catalogue.host import PluginChoice
from harness.execute.engines import EngineSetting
from harness.execute.local import LocalEngine
engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=()))
while not engine.server.ready:
    engine.wait(1.0)
engine.server.process.send_signal(signal.SIGSTOP)
print(engine.server.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    server = Path(f"/proc/{int(done.stdout)}")
    assert until(lambda: not server.exists() or ") Z" in (server / "stat").read_text(), 5.0)


@pytest.mark.exclusive
def test_closing_ends_what_runs_at_once(tmp_path: Path) -> None:
    engine = LocalEngine(EngineSetting(plugins=PluginChoice(), preload=()))
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 1.0
    assert engine.server.process.poll() == -signal.SIGKILL


@pytest.mark.exclusive
@pytest.mark.slow
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
floors = false
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


def test_whoever_runs_jobs_imports_no_torch() -> None:
    said = "import sys, harness.execute.run, harness.execute.local; print('torch' in sys.modules, 'pandas' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
