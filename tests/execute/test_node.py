"""A node: jobs of a run that is elsewhere, with files that come and go in parcels."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_local_engine import DEEDS

from harness.catalogue.host import PluginChoice
from harness.execute import node as nodes
from harness.execute.engines import EngineSetting
from harness.execute.job import outcome_from_text
from harness.execute.node import ENDED, KEPT_MORE, PRINTED, STARTED, News, Node
from harness.execute.node_process import NodeSetting
from harness.execute.request import Request
from harness.execute.travel import pack, unpack
from harness.plan.jobs import Job
from harness.store.records import KEPT, Outcome


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("deeds")
    (folder / "deeds.py").write_text(DEEDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(nodes, "_LOOK_SECONDS", 0.1)
        setting = EngineSetting(plugins=PluginChoice(), preload=("deeds",), cpu_slots=2)
        opened = Node(setting, "elsewhere")
        yield opened
        opened.close()
        assert not opened._root.exists()


def request(code: str, folder: str = "/store/one", **more: object) -> Request:
    needs = more.pop("needs", {})
    job = Job("0" * 64, "deed", "deed", {"code": code}, tuple(needs), {}, **more)  # type: ignore[arg-type]
    return Request(job, folder, needs, keep=f"{folder}/{KEPT}")  # type: ignore[arg-type]


def reports(node: Node, count: int = 1) -> dict[str, list[News]]:
    """Return what is said until so many jobs have ended, by what it is."""
    found: dict[str, list[News]] = {}
    end = time.monotonic() + 120.0
    while len(found.get(ENDED, ())) < count and time.monotonic() < end:
        for report in node.wait(end - time.monotonic()):
            found.setdefault(report.what, []).append(report)
    return found


def outcome(found: dict[str, list[News]]) -> Outcome:
    return outcome_from_text(found[ENDED][-1].text)


READING = """
from pathlib import Path
import time
(needed,) = request.needs.values()
print("read", Path(needed, "in", "data.txt").read_text(), flush=True)
Path(request.keep).write_text("so far " + Path(request.keep).read_text())
time.sleep(0.5)
Path(request.folder, "result.txt").write_text("done")
"""


@pytest.mark.slow
def test_a_job_finds_what_it_needs_and_what_it_leaves_comes_back(
    node: Node, tmp_path: Path
) -> None:
    there, store = tmp_path / "there", "/store/data"
    (there / "in").mkdir(parents=True)
    (there / "in" / "data.txt").write_text("some data")
    asked = request(READING, needs={"d" * 64: store})
    assert node.lacks([store]) == [store]
    for parcel in pack(there):
        node.receive(store, parcel, last=False)
    node.receive(store, [], last=True)
    assert node.lacks([store]) == []
    node.begin_with("one", [(KEPT, 0, b"half")])
    node.submit("one", asked)
    found = reports(node)
    assert outcome(found).status == "ok", outcome(found).reason
    assert [report.token for report in found[STARTED]] == ["one"]
    assert "".join(report.text for report in found[PRINTED]) == "read some data\n"
    assert KEPT_MORE in found
    back = tmp_path / "back"
    back.mkdir()
    for parcel in node.kept("one"):
        unpack(parcel, back)
    assert [path.name for path in back.iterdir()] == [KEPT]
    for parcel in node.parcels("one"):
        unpack(parcel, back)
    assert {path.name: path.read_text() for path in back.iterdir()} == {
        "log.txt": "read some data\n",
        "result.txt": "done",
        KEPT: "so far half",
    }
    node.forget("one", keep=True)
    assert node.lacks(["/store/one"]) == []


@pytest.mark.slow
def test_a_store_that_is_here_too_is_read_in_place(node: Node, tmp_path: Path) -> None:
    folder, probe = tmp_path / "data", tmp_path / "request.json"
    (folder / "in").mkdir(parents=True)
    probe.write_text("this one")
    assert node.lacks([str(folder)], shared={str(probe): "another one"}) == [str(folder)]
    assert node.lacks([str(folder)], shared={str(probe): "this one"}) == []
    gone = str(tmp_path / "gone")
    assert node.lacks([gone], shared={str(probe): "this one"}) == [gone]


ENDS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": ("crashed", "signal 9"),
    "import os; os._exit(3)": ("crashed", "exit code 3"),
    "raise SystemExit": ("failed", "SystemExit"),
    "raise MemoryError('no room')": ("oom", "no room"),
    "import ctypes; ctypes.string_at(0)": ("crashed", "signal 11"),
}


@pytest.mark.slow
@pytest.mark.parametrize("code", ENDS)
def test_an_end_means_here_what_it_means_at_home(node: Node, code: str) -> None:
    node.submit("two", request(code))
    found = reports(node)
    status, reason = ENDS[code]
    assert outcome(found).status == status and reason in outcome(found).reason
    node.forget("two")


@pytest.mark.slow
def test_jobs_beyond_the_slots_wait_and_can_be_killed_before_and_after(node: Node) -> None:
    for token in ("a", "b", "c"):
        node.submit(token, request("import time; time.sleep(60)", folder=f"/store/{token}"))
    end, begun = time.monotonic() + 60.0, set()
    while begun != {"a", "b"} and time.monotonic() < end:
        begun |= {report.token for report in node.wait(1.0) if report.what == STARTED}
    node.kill("c", "not wanted")
    node.kill("a", "too long")
    node.kill("b", "too long")
    found = reports(node, 3)
    ended = {report.token: outcome_from_text(report.text) for report in found[ENDED]}
    assert {token: (one.status, one.reason) for token, one in ended.items()} == {
        "a": ("timeout", "too long"),
        "b": ("timeout", "too long"),
        "c": ("timeout", "not wanted"),
    }
    for token in ended:
        node.forget(token)


@pytest.mark.slow
def test_what_waits_begins_as_soon_as_another_has_ended(node: Node) -> None:
    for number in range(4):
        node.submit(str(number), request("pass", folder=f"/store/{number}"))
    found = node.wait(0.0)
    while sum(report.what == ENDED for report in found) < 2:  # both slots are free again
        assert select.select([node.fileno()], [], [], 60.0)[0]  # as who waits for more than a node
        found += node.wait(0.0)
    assert not node._waiting
    found += [one for many in reports(node, 2).values() for one in many]
    assert {report.token for report in found if report.what == STARTED} == set("0123")
    for number in range(4):
        node.forget(str(number), keep=True)
    assert node.lacks([f"/store/{number}" for number in range(4)]) == []


@pytest.mark.slow
def test_no_folder_stays_that_no_job_can_need(node: Node) -> None:
    measure = request("pass", folder="/store/measure")
    measure = replace(measure, job=replace(measure.job, sort="measure"))
    failed = request("raise ValueError", folder="/store/failed")
    tried = replace(request("pass", folder="/store/tried"), trying=True)
    for token, asked in {"measure": measure, "failed": failed, "tried": tried}.items():
        node.submit(token, asked)
        reports(node)
        folder = node._folder(token)
        node.forget(token, keep=True)
        assert node.lacks([asked.folder]) == [asked.folder] and not folder.exists()


SPOILT = """
import os, signal
from harness.execute.node_process import become_plain
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.nice(15)
refused = become_plain()
assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
assert (os.getpriority(os.PRIO_PROCESS, 0) > 0) == bool(refused)
"""


def test_a_process_becomes_plain_again() -> None:
    subprocess.run([sys.executable, "-c", SPOILT], check=True)


def test_plugins_and_imports_are_found_as_they_are_where_the_run_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, lib = tmp_path / "mine.py", tmp_path / "lib"
    mine.write_text("x = 1")
    lib.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(lib), "/nowhere/at/all", "/somewhere"])
    setting = EngineSetting(plugins=PluginChoice((str(mine), "installed_folder"), ("attacks",)))
    sent = NodeSetting.here(setting)
    assert sent.files == {str(mine): "x = 1"} and sent.folder == str(tmp_path)
    sent = NodeSetting.from_json(json.loads(json.dumps(sent.to_json())))
    monkeypatch.chdir("/")
    monkeypatch.setattr("sys.path", ["/somewhere"])
    assert sent.settle_in().plugins == setting.plugins
    assert Path.cwd() == tmp_path and sys.path == ["/somewhere", str(lib)]
    mine.write_text("x = 2")  # the file of that name says something else on this machine
    (moved, _) = replace(sent, folder="/nowhere/at/all").settle_in().plugins.files
    assert moved != str(mine) and Path(moved).name == "mine.py"
    assert Path(moved).read_text() == "x = 1"
