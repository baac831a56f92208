"""Ctrl-C and its kin, where they do no harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Somebody stopped the run; what is finished is kept.

    A kin of KeyboardInterrupt, so that whoever catches the errors of what it calls (a test's fixture, a
    notebook's loop over suites) does not go on with the next thing.
    """

    exit_code = 130


class Interrupts:
    """Treats SIGTERM, and SIGHUP of a terminal that closes, like Ctrl-C; holds all off for a while.

    Without, an outcome could be recorded and its files taken away. Signals reach the main thread
    alone; a run in another one goes on.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self._before: dict[int, Any] = {}
        self._depth = 0
        self._pending = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                handler = signal.getsignal(number)
                if handler in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores SIGHUP
                    self._before[number] = handler
                    signal.signal(number, self._interrupt)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let what stands inside end before an interrupt is raised."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    def _interrupt(self, *_: object) -> None:
        if self._depth:
            self._pending = True
        else:
            raise KeyboardInterrupt
