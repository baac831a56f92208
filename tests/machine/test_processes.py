"""What the system tells of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from harness.machine.processes import (
    children_of,
    identify,
    is_stopped,
    left_behind,
    started_with,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


def test_a_process_its_state_its_parent_and_its_environment() -> None:
    mark = f"MODEL_HARNESS_TEST={os.getpid()}"
    name, _, value = mark.partition("=")
    child = subprocess.Popen(["sleep", "60"], env={**os.environ, name: value})
    try:
        assert child.pid in children_of(os.getpid())
        end = time.monotonic() + 5.0
        while started_with(mark) != [child.pid] and time.monotonic() < end:
            time.sleep(0.01)  # it has not yet become `sleep`
        assert started_with(mark) == [child.pid]
        assert started_with(mark + "0") == []
        assert not is_stopped(child.pid)
        child.send_signal(signal.SIGSTOP)
        while not is_stopped(child.pid) and time.monotonic() < end:
            time.sleep(0.01)
        assert is_stopped(child.pid)
    finally:
        child.kill()
        child.wait()
    assert not is_stopped(child.pid) and children_of(child.pid) == started_with(mark) == []


def test_what_a_process_that_is_gone_has_left_behind() -> None:
    name = f"MODEL_HARNESS_TEST_{os.getpid()}"
    owner = subprocess.Popen(["sleep", "60"])
    mark = identify(owner.pid)
    marks = (f"{mark}.one", f"{identify(os.getpid())}.one", "1-" + mark.partition("-")[2] + ".one")
    children = [subprocess.Popen(["sleep", "60"], env={name: one}) for one in marks]
    try:
        assert not left_behind(name)
        owner.kill()
        owner.wait()
        assert identify(owner.pid) == ""
        end = time.monotonic() + 5.0
        while not left_behind(name) and time.monotonic() < end:
            time.sleep(0.01)
        # not that of a living process, nor of a container's, of which nothing is known here
        assert left_behind(name) == [children[0].pid]
    finally:
        for child in (owner, *children):
            child.kill()
            child.wait()
