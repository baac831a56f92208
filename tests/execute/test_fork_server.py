"""The fork server's loop, without a job."""

from __future__ import annotations

import json
import os
import signal
import socket

from harness.catalogue.host import Host
from harness.execute import fork_server


def test_it_hears_what_came_with_the_settings_and_ends_when_the_parent_is_gone() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            server = fork_server._Server(theirs, Host(), b'{"ping": 1}\n{"pi')
            with ours:
                ours.sendall(b'ng": 2}\n{"kill": "a job that has ended"}\n{"ping": 3}\n')
                ours.shutdown(socket.SHUT_WR)
                server.serve()
                theirs.shutdown(socket.SHUT_WR)
                said = ours.makefile().readlines()
        finally:  # this process is no server
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(server.wake)
            os.close(server.waker)
    assert [json.loads(line) for line in said] == [{"pong": number} for number in (1, 2, 3)]
