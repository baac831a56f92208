"""A node's actor, without Ray."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from harness.api.nodes import ENDED, STARTED, News, NodeSetting
from harness.api.running import EngineSetting
from harness.catalogue.host import PluginChoice
from harness_ray import worker
from harness_ray.worker import Heard, NodeThread, Worker


def test_files_of_plugins_are_written_once_and_go_with_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = "/not/here/mine.py"
    setting = EngineSetting(plugins=PluginChoice(files=(name,)))
    given = NodeSetting(setting=setting, folder="", path="", files={name: "X = 1\n"})
    node = Worker()
    for _ in ("to say what is installed", "to start"):
        here = node._settle_in(given).plugins.files
    (folder,) = tmp_path.iterdir()
    assert here == (str(folder / "mine.py"),) and Path(here[0]).read_text() == "X = 1\n"
    asyncio.run(node.close())
    assert not list(tmp_path.iterdir())


def test_a_node_that_is_closed_ends_its_thread_and_not_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray tells of a process that ends by itself as of a crash, on the output of the run."""

    class Pipe:
        machine = None

        def __init__(self, *_: Any) -> None:
            self.ends = os.pipe()

        def fileno(self) -> int:
            return self.ends[0]

        def wait(self, _: float) -> list[Any]:
            return []

        def close(self) -> None:
            for end in self.ends:
                os.close(end)

    ended: list[int] = []
    monkeypatch.setattr(worker, "Node", Pipe)
    monkeypatch.setattr(worker, "become_plain", list)
    monkeypatch.setattr(os, "_exit", ended.append)
    before = set(threading.enumerate())
    thread = NodeThread(EngineSetting(plugins=PluginChoice()), "a", lambda news: None)
    (loop,) = set(threading.enumerate()) - before
    thread.close().result(60.0)
    loop.join(60.0)
    assert not loop.is_alive() and not ended


def test_what_nobody_waits_for_is_told_with_what_somebody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, ended = (News("t", STARTED), None), (News("t", ENDED), None)

    async def heard(*news: Heard) -> tuple[list[Heard], float]:
        node, began = Worker(), time.monotonic()
        for one in news:
            node._take([one])
        return await node.poll(), time.monotonic() - began

    monkeypatch.setattr(worker, "_SOON_SECONDS", 60.0)
    told, seconds = asyncio.run(heard(started, ended))
    assert told == [started, ended] and seconds < 60.0
    monkeypatch.setattr(worker, "_SOON_SECONDS", 0.2)
    told, seconds = asyncio.run(heard(started))
    assert told == [started] and seconds >= 0.2


def test_no_poll_brings_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_SOON_SECONDS", 0.01)
    started, ended = (News("t", STARTED), None), (News("t", ENDED), None)

    async def hear() -> list[list[Heard]]:
        node = Worker()
        node._take([started])
        node._take([ended])
        told = [await node.poll()]
        next_poll = asyncio.create_task(node.poll())
        await asyncio.sleep(0.05)  # what was to be told soon has been
        node._take([ended])
        return [*told, await next_poll]

    assert asyncio.run(hear()) == [[started, ended], [ended]]
