"""The engine with a cluster that fails as it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_ray import Actor, ActorError, FullError, ScriptedCluster, UnavailableError

from harness.api import UsageError
from harness.api.nodes import ENDED, KEPT, KEPT_MORE, STARTED, Installed, News, outcome_to_text
from harness.api.running import Busy, Displaced, Ended, EngineSetting, Job, Outcome, Request, Work
from harness.catalogue.host import PluginChoice
from harness_ray import cluster as cluster_module
from harness_ray.cluster import machines
from harness_ray.engine import RayEngine
from harness_ray.options import RayOptions

SETTING = EngineSetting(plugins=PluginChoice())
JOB = Job("f" * 64, "fit", "fit mlp", {}, (), {})
SECONDS = 60.0


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
    same = Installed({}, {}, {})
    monkeypatch.setattr(Installed, "look", lambda *_: same)
    return [Actor(name, same.to_json()) for name in ("a", "b")]


@pytest.fixture
def engine(actors: list[Actor]) -> Iterator[RayEngine]:
    started = RayEngine(SETTING, RayOptions(), ScriptedCluster(*actors))
    yield started
    started.close()


def submit(engine: RayEngine, folder: Path) -> Work:
    folder.mkdir()
    place = engine.reserve(JOB, ["a"])
    work = Work("t", Request(JOB, str(folder), keep=str(folder / KEPT)), place)  # type: ignore[arg-type]
    engine.submit(work)
    return work


def ends(engine: RayEngine) -> list[Ended | Displaced]:
    """Wait until a job has ended or lost its node."""
    for _ in range(100):
        if found := engine.wait(SECONDS):
            return found
    raise AssertionError("nothing came")


@pytest.mark.parametrize("what", ["submit", "poll"])
def test_a_job_on_a_node_that_cannot_be_reached_is_dead_before_it_is_started_elsewhere(
    engine: RayEngine, actors: list[Actor], tmp_path: Path, what: str
) -> None:
    first, second = actors

    def taken_unheard(token: str, _: str) -> None:
        first.jobs.add(token)
        raise UnavailableError("connection reset")

    if what == "submit":
        first.answers["submit"] = taken_unheard
    work = submit(engine, tmp_path / "one")
    if what == "poll":
        while not first.jobs:
            engine.wait(0.01)
        first.heard.set_exception(UnavailableError("connection reset"))
        first.heard = Future()
    (end,) = ends(engine)
    assert isinstance(end, Displaced) and end.token == "t"
    assert not first.is_alive and not first.jobs
    assert [machine.name for machine in engine.machines] == ["b"]
    assert work.place.machine == "a" and second.is_alive


def test_how_far_a_job_has_come_is_not_brought_into_a_folder_that_is_done(
    engine: RayEngine, actors: list[Actor], tmp_path: Path
) -> None:
    first, folder = actors[0], tmp_path / "one"
    slow: Future[Any] = Future()
    kept = [slow, None]
    left = [[("log.txt", 0, b"done")], None]
    first.answers["fetch"] = lambda token, kept_too=False: (kept if kept_too else left).pop(0)
    submit(engine, folder)
    while not first.jobs:
        engine.wait(0.01)
    first.tell(News("t", KEPT_MORE))
    while not (folder / "coming").exists():
        engine.wait(0.01)
    outcome = Outcome(fingerprint=JOB.fingerprint, status="ok")
    first.tell(News("t", ENDED, outcome_to_text(outcome)))
    for _ in range(20):
        assert engine.wait(0.01) == []
    slow.set_result([(KEPT, 0, b"half")])
    assert ends(engine) == [Ended("t", outcome)]
    assert {path.name for path in folder.iterdir()} == {"log.txt", "request.json"}


@pytest.mark.parametrize("when", ["machine", "installed", "start"])
def test_a_node_that_dies_while_a_run_begins_is_left_out(
    actors: list[Actor], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    cluster = ScriptedCluster(*actors)
    if when == "machine":  # none has told what it is yet
        cluster.nodes.clear()
        for node in cluster._known.values():
            node.kept = node.actor.tell_machine.remote()
        actors[0].die()
        cluster._known["id-a"].kept = actors[0].tell_machine.remote()
        cluster.ray.is_initialized = lambda: True
        monkeypatch.setattr(cluster_module, "_open", cluster)
        assert [one.name for one in machines(cluster.options)] == ["b"]
    else:

        def die(*_: Any) -> None:
            actors[0].die()
            raise ActorError("its worker was killed")

        actors[0].answers[when] = die
    started = RayEngine(SETTING, RayOptions(), cluster)
    assert [machine.name for machine in started.machines] == ["b"]
    started.close()


def test_a_full_object_store_ends_the_run_and_no_job_for_it(
    engine: RayEngine, actors: list[Actor], tmp_path: Path
) -> None:
    def no_room(*_: Any) -> None:
        raise FullError("x")

    actors[0].answers["submit"] = no_room
    submit(engine, tmp_path / "one")
    with pytest.raises(UsageError, match="the object store of the cluster is full"):
        ends(engine)


def test_little_comes_with_the_news_of_the_end_and_is_not_asked_for(
    engine: RayEngine, actors: list[Actor], tmp_path: Path
) -> None:
    first, folder = actors[0], tmp_path / "one"
    submit(engine, folder)
    while not first.jobs:
        engine.wait(0.01)
    (folder / KEPT).write_bytes(b"half")
    outcome = Outcome(fingerprint=JOB.fingerprint, status="ok")
    first.tell(News("t", ENDED, outcome_to_text(outcome)), left=[("log.txt", 0, b"done")])
    assert ends(engine) == [Ended("t", outcome)]
    assert (folder / "log.txt").read_bytes() == b"done" and not (folder / KEPT).exists()
    assert "fetch" not in {call[0] for call in first.calls}
    assert not {"forget", "fetch"} & {call[0] for call in first.calls}


def test_little_that_a_job_has_left_waits_for_how_far_it_had_come(
    engine: RayEngine, actors: list[Actor], tmp_path: Path
) -> None:
    first, folder = actors[0], tmp_path / "one"
    slow: Future[Any] = Future()
    kept = [slow, None]
    first.answers["fetch"] = lambda *_: kept.pop(0)
    submit(engine, folder)
    while not first.jobs:
        engine.wait(0.01)
    first.tell(News("t", KEPT_MORE))
    while not (folder / "coming").exists():
        engine.wait(0.01)
    outcome = Outcome(fingerprint=JOB.fingerprint, status="ok")
    first.tell(News("t", ENDED, outcome_to_text(outcome)), left=[("log.txt", 0, b"done")])
    for _ in range(20):
        assert engine.wait(0.01) == []
    slow.set_result([(KEPT, 0, b"half")])
    assert ends(engine) == [Ended("t", outcome)]
    assert {path.name for path in folder.iterdir()} == {"log.txt", "request.json"}


def test_brief_jobs_wait_at_their_node_and_long_ones_where_any_node_can_take_them(
    engine: RayEngine, actors: list[Actor], tmp_path: Path
) -> None:
    """Two nodes of two slots."""

    def do(number: int, seconds: float, trying: bool = False, status: str = "ok") -> None:
        place = engine.reserve(JOB, ["a"])
        (folder := tmp_path / str(number)).mkdir()
        request = Request(JOB, str(folder), trying=trying)
        engine.submit(Work(str(number), request, place))  # type: ignore[arg-type]
        while str(number) not in actors[0].jobs:
            engine.wait(0.01)
        outcome = Outcome(fingerprint=JOB.fingerprint, status=status, seconds=seconds)
        news = News(str(number), STARTED), News(str(number), ENDED, outcome_to_text(outcome))
        actors[0].tell(*news, left=[])
        assert ends(engine) == [Ended(str(number), outcome)]

    def places(job: Job = JOB) -> list[str]:
        found = []
        while not isinstance(place := engine.reserve(job), Busy):
            found.append(place)
        for place in found:
            engine._give_back(Work("", Request(JOB, ""), place))
        return sorted(place.name for place in found)

    free = ["a cpu0", "a cpu1", "b cpu0", "b cpu1"]
    assert places() == free
    do(0, 0.01, trying=True)  # one batch says nothing of a fit
    assert places() == free
    do(1, 0.01, status="failed")  # nor does one that could not begin
    assert places() == free
    do(2, 0.01)
    assert places() == [*free[:2], "a next0", "a next1", *free[2:], "b next0", "b next1"]
    for axis in ("architecture", "dataset"):
        assert places(replace(JOB, axes={axis: "another"})) == free
    exclusive = replace(JOB, exclusive=True)
    alone = engine.reserve(exclusive, ["a"])
    assert not isinstance(alone, Busy) and isinstance(engine.reserve(exclusive, ["a"]), Busy)
    assert isinstance(engine.reserve(JOB, ["a"]), Busy)  # nothing is beside it, nor next
    engine._give_back(Work("", Request(exclusive, ""), alone))
    taken = [engine.reserve(JOB, ["a"]) for _ in range(3)]
    for place in taken[:2]:
        engine._give_back(Work("", Request(JOB, ""), place))  # type: ignore[arg-type]
    assert isinstance(engine.reserve(exclusive, ["a"]), Busy)  # one was next: it runs there by now
    engine._give_back(Work("", Request(JOB, ""), taken[2]))  # type: ignore[arg-type]
    assert places() == [*free[:2], "a next0", "a next1", *free[2:], "b next0", "b next1"]
    do(3, 2.0)
    do(4, 0.01)
    assert places() == free
