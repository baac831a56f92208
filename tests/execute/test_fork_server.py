"""The order in which the fork server starts jobs and imports; no job is run."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import threading
import time
from typing import Any

import pytest

from harness.catalogue.host import Host
from harness.execute import fork_server


def test_a_light_job_does_not_wait_for_an_import_behind_one_that_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    ours, theirs = socket.socketpair()

    class Noting(fork_server._Server):
        def start(self, message: dict[str, Any]) -> None:
            done.append(message["run"])

    def ask(name: str, light: bool) -> bytes:
        return json.dumps({"run": name, "light": light}).encode() + b"\n"

    def ask_for_both() -> None:
        ours.sendall(ask("fit", light=False))
        time.sleep(0.005)  # a parent has a folder to make between the two
        ours.sendall(ask("floors", light=True))

    with ours, theirs:
        server = Noting(theirs, Host(), ask("prepare", light=True))
        monkeypatch.setattr(fork_server, "_import", done.append)
        asking = threading.Thread(target=ask_for_both)
        original = server.step

        def step(timeout: float | None) -> str:
            if not asking.ident:
                asking.start()
                time.sleep(0.003)
            return original(timeout)

        monkeypatch.setattr(server, "step", step)
        try:
            assert server.serve_importing(("first", "second"))
        finally:  # this process is no server
            gc.unfreeze()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(server.wake)
            os.close(server.waker)
        asking.join()
    assert done == ["prepare", "floors", "first", "second", "fit"]
