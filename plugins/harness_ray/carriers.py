"""Files on their way: what jobs read goes to nodes, what they leave comes back, in threads of their own."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from pathlib import Path

from harness.api.nodes import KEPT, Parcel, pack, unpack
from harness.api.running import Work
from harness_ray.cluster import Cluster, RayNode, last_line

_CARRIERS = 8  # threads


class Carriers:
    """Threads that carry files between this machine and the nodes; all methods are for the run's own thread."""

    def __init__(
        self,
        cluster: Cluster,
        shared: bool,
        closing: threading.Event,
        *,
        gone: Callable[[Work, str], None],
        failed: Callable[[Work, str], None],
        full: Callable[[str], None],
    ) -> None:
        """Take what to call, in any thread, where files do not arrive, and what is set when that is of no account any more.

        shared: whether nodes may read the run's folders themselves. gone(work, reason): its node is. failed(work, reason): its
        files could not be brought. full(node): the cluster's object store is full, so it would be with every job.
        """
        self._cluster, self._ray, self._shared, self._closing = (
            cluster,
            cluster.ray,
            shared,
            closing,
        )
        self._gone, self._failed, self._full = gone, failed, full
        self._keeping: dict[str, Future[None]] = {}  # by token: how far it has come is on its way
        self._bringing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """By node: one brings it folders."""
        self._threads = ThreadPoolExecutor(_CARRIERS, "harness-ray")

    def send(self, work: Work) -> None:
        """Bring what a job reads to its node, and then the job."""
        self._carry(work, partial(self._send, work, self._bringing[work.place.machine]))

    def take(self, work: Work, left: Parcel | None, then: Callable[[], None]) -> None:
        """Put what a job has left into its folder, and call a function, in any thread.

        left: all of it; None: it is at the node still.
        """

        def bring(node: RayNode) -> None:
            if left is not None:
                unpack_all(work, [left])
            else:
                ask = partial(node.actor.fetch.remote, work.token)
                unpack_all(work, iter(lambda: self._ray.get(ask()), None))
                node.actor.forget.remote(work.token)
            then()

        self._carry(work, bring)

    def keep(self, work: Work, node: RayNode) -> None:
        """Bring how far a job has come, so that it goes on from there where its node is lost."""
        if (last := self._keeping.get(work.token)) is None or last.done():
            self._keeping[work.token] = self._threads.submit(self._fetch_kept, work, node)

    def is_keeping(self, work: Work) -> bool:
        """Whether how far a job has come may be on its way."""
        return work.token in self._keeping

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _carry(self, work: Work, do: Callable[[RayNode], None]) -> None:
        node = self._cluster.nodes.get(work.place.machine)
        if node is None:
            self._gone(work, f"{work.place.machine} is gone")
            return

        keeping = self._keeping.pop(work.token, None)  # it would write into a folder that is done

        def carry() -> None:
            try:
                if keeping is not None:
                    wait_for([keeping])
                do(node)
            except self._ray.exceptions.RayActorError:
                if not self._closing.is_set():
                    # It may be there still, with the job: only when it is heard to be dead is the place another's.
                    self._cluster.end(node)
            except (
                self._ray.exceptions.ObjectStoreFullError,
                self._ray.exceptions.OutOfDiskError,
            ):
                if not self._closing.is_set():
                    self._full(node.name)
            except Exception as error:
                if not self._closing.is_set():
                    self._failed(work, not_brought(node, error))

        self._threads.submit(carry)

    def _send(self, work: Work, bringing: threading.Lock, node: RayNode) -> None:
        request, get = work.request, self._ray.get
        folders = list(request.needs.values())
        text = request.to_text()
        shared = None
        if self._shared:
            shared = {str(Path(request.folder) / "request.json"): text}
        with bringing:
            for folder in get(node.actor.lacks.remote(folders, shared)) if folders else ():
                for parcel in pack(Path(folder)):
                    get(node.actor.receive.remote(folder, parcel, False))
                get(node.actor.receive.remote(folder, [], True))
        if request.keep and Path(request.keep).exists():
            for parcel in pack(Path(request.folder)):
                get(node.actor.begin_with.remote(work.token, parcel))
        get(node.actor.submit.remote(work.token, text))

    def _fetch_kept(self, work: Work, node: RayNode) -> None:
        part = Path(work.request.folder) / "coming"
        with contextlib.suppress(OSError, self._ray.exceptions.RayError):  # it may have ended
            part.mkdir()
            try:
                while (
                    parcel := self._ray.get(node.actor.fetch.remote(work.token, True))
                ) is not None:
                    unpack(parcel, part)
                (part / KEPT).replace(work.request.keep)
            finally:
                shutil.rmtree(part, ignore_errors=True)


def unpack_all(work: Work, parcels: Iterable[Parcel]) -> None:
    """Put all that a job has left into its folder."""
    brought: set[str] = set()
    for parcel in parcels:
        unpack(parcel, Path(work.request.folder))
        brought.update(name for name, _, _ in parcel)
    if work.request.keep and KEPT not in brought:  # the job has removed it
        Path(work.request.keep).unlink(missing_ok=True)


def not_brought(node: RayNode, error: Exception) -> str:
    """Say that a job's files did not arrive."""
    return f"its files could not be brought to {node.name} or back: {last_line(error)}"
