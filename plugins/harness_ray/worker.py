"""What runs on each node: an actor that holds the node's share of the run, and the jobs' processes below it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import select
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.api.nodes import ENDED, Installed, News, Node, NodeSetting, Parcel, become_plain
from harness.api.running import EngineSetting, Request, this_machine

_SMALL_BYTES = 1 << 16  # of what a job has left, which then goes with the news of its end
_SOON_SECONDS = 0.1  # for what no job and no place waits for, to be told with what they do wait for
_BEAT_SECONDS = 1.0  # for jobs that wait for a device that others hold, and for what jobs print
_OF_RAY = (os.path.join("ray", "thirdparty_files"), os.path.join("ray", "_private", "workers"))


Heard = tuple[News, Parcel | None]
"""News; of an end with all that the job has left, where that is little: nobody has to ask for it, and the node has let go of the job."""


class NodeThread:
    """A node in a thread of its own, as Ray calls an actor's methods from others."""

    def __init__(
        self, setting: EngineSetting, name: str, tell: Callable[[Sequence[Heard]], None]
    ) -> None:
        """Start it. tell: is given news as they come, in that thread."""
        self.refused: list[str] = []
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[Node], Any]]] = (
            queue.SimpleQueue()
        )
        self._wake, self._waker = os.pipe()
        self._closed = False
        self._started: Future[Node] = Future()
        threading.Thread(target=self._run, args=(setting, name, tell), daemon=True).start()
        self.machine = self._started.result().machine

    def call(self, do: Callable[[Node], Any]) -> Future[Any]:
        """Do something with the node."""
        future: Future[Any] = Future()
        self._calls.put((future, do))
        os.write(self._waker, b"x")
        return future

    def close(self) -> Future[Any]:
        """Kill all that runs, and end the thread."""

        def close(node: Node) -> None:
            self._closed = True
            node.close()

        return self.call(close)

    def _run(
        self, setting: EngineSetting, name: str, tell: Callable[[Sequence[Heard]], None]
    ) -> None:
        try:
            self.refused = become_plain()  # of this thread, which is what its children inherit
            node = Node(setting, name)
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(node)
        try:
            while not self._closed:
                ready, _, _ = select.select([node.fileno(), self._wake], [], [], _BEAT_SECONDS)
                if self._wake in ready:
                    os.read(self._wake, 4096)
                while not self._calls.empty():
                    future, do = self._calls.get()
                    try:
                        future.set_result(do(node))
                    except StopIteration:
                        future.set_result(None)
                    except Exception as error:
                        future.set_exception(error)
                if not self._closed and (news := node.wait(0.0)):
                    tell([(one, _little(node, one)) for one in news])
        except (
            BaseException
        ):  # no job can be started here any more: the run hears that the actor has died
            with contextlib.suppress(Exception):
                node.close()
            os._exit(1)


class Worker:
    """An actor of Ray: one for each node. Its methods take and return plain values, and what `harness.api.nodes` has."""

    def __init__(self) -> None:
        """Do nothing yet."""
        sys.path[:] = [one for one in sys.path if not one.endswith(_OF_RAY)]
        self._thread: NodeThread | None = None
        self._setting: EngineSetting | None = None  # as things are here
        self._written: list[Path] = []  # folders of plugins' files
        self._news: list[Heard] = []
        self._parcels: dict[str, Iterator[Parcel]] = {}
        self._heard = asyncio.Event()

    async def machine(self, name: str) -> dict[str, Any]:
        """Return the machine that this is, as far as Ray has given it."""
        return this_machine(name).to_json()

    async def installed(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is installed here of what a run needs."""
        needed = self._settle_in(NodeSetting.from_json(setting))
        return Installed.look(needed.plugins, needed.modules).to_json()

    async def start(
        self, setting: Mapping[str, Any], name: str
    ) -> tuple[dict[str, Any], list[str]]:
        """Start the node; return its machine, and what of Ray's ways it could not undo."""
        loop = asyncio.get_running_loop()

        def tell(news: Sequence[Heard]) -> None:
            loop.call_soon_threadsafe(self._take, news)

        start = partial(NodeThread, self._settle_in(NodeSetting.from_json(setting)), name, tell)
        self._thread = thread = await loop.run_in_executor(None, start)
        return thread.machine.to_json(), thread.refused

    def _settle_in(self, given: NodeSetting) -> EngineSetting:
        """Return a setting as it is here; files of plugins are written once, and go when the node is closed."""
        if self._setting is None:
            self._setting = given.settle_in()
            new = set(self._setting.plugins.files) - set(given.setting.plugins.files)
            self._written = [Path(name).parent for name in new]
        return replace(given.setting, plugins=self._setting.plugins)

    def _take(self, news: Sequence[Heard]) -> None:
        self._news += news
        if any(one.what == ENDED for one, _ in news):
            self._heard.set()
        else:
            asyncio.get_running_loop().call_later(_SOON_SECONDS, self._tell_rest)

    def _tell_rest(self) -> None:
        if self._news:  # else all was told meanwhile, and a poll would bring nothing
            self._heard.set()

    async def _call(self, do: Callable[[Node], Any]) -> Any:
        assert self._thread is not None
        return await asyncio.wrap_future(self._thread.call(do))

    async def poll(self) -> list[Heard]:
        """Return news as soon as there are some."""
        await self._heard.wait()
        self._heard.clear()
        news, self._news = self._news, []
        return news

    async def lacks(self, folders: Sequence[str], shared: Mapping[str, str] | None) -> list[str]:
        """Return which folders of jobs that others need are not here."""
        found: list[str] = await self._call(lambda node: node.lacks(folders, shared=shared))
        return found

    async def receive(self, folder: str, parcel: Parcel, last: bool) -> None:
        """Take files of such a folder."""
        await self._call(lambda node: node.receive(folder, parcel, last=last))

    async def begin_with(self, token: str, parcel: Parcel) -> None:
        """Take how far another attempt at a job has come."""
        await self._call(lambda node: node.begin_with(token, parcel))

    async def submit(self, token: str, request: str) -> None:
        """Run a job."""
        await self._call(lambda node: node.submit(token, Request.from_text(request)))

    async def kill(self, token: str, reason: str) -> None:
        """Kill a job."""
        await self._call(lambda node: node.kill(token, reason))

    async def fetch(self, token: str, kept: bool = False) -> Parcel | None:
        """Return the next parcel of what a job has left, or of how far it has come; None after the last one."""
        name = f"{token} kept" if kept else token

        def fetch(node: Node) -> Parcel | None:
            if name not in self._parcels:
                self._parcels[name] = node.kept(token) if kept else node.parcels(token)
            parcel = next(self._parcels[name], None)
            if parcel is None:
                del self._parcels[name]
            return parcel

        parcel: Parcel | None = await self._call(fetch)
        return parcel

    async def forget(self, token: str) -> None:
        """Let go of a job that has ended, and of which all has been fetched."""
        await self._call(lambda node: node.forget(token, keep=True))

    async def close(self) -> None:
        """Kill all that runs here, and leave nothing behind."""
        try:
            if self._thread is not None:
                await asyncio.wrap_future(self._thread.close())
        finally:
            for folder in self._written:
                shutil.rmtree(folder, ignore_errors=True)


def _little(node: Node, news: News) -> Parcel | None:
    """Return what a job that has ended has left, where that is little, and let go of it then.

    None too where its files cannot be read: fetching them then fails that job, and no other.
    """
    try:
        if news.what != ENDED or node.size(news.token) > _SMALL_BYTES:
            return None
        left = [piece for parcel in node.parcels(news.token) for piece in parcel]
        node.forget(news.token, keep=True)
        return left
    except Exception:  # whatever a job has left there; raised here it would end the node's thread, and all its jobs
        return None
