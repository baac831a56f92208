"""Places of the session's own, one thread, and tests that nothing else runs beside."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from here_families import list_here
from made_once import session_folder

pytest_plugins = ["collected_from_both_ends", "longest_first", "slow_files", "small_run"]

_ROOM, _GATE = Path(__file__), Path(__file__).with_name("README.md")

# Two threads on two cores that others use as well wait for each other; this is read as torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"
# Tables are as wide on a machine with a narrow terminal, and on one with none.
os.environ["COLUMNS"] = "110"


@pytest.fixture(scope="session", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep indexes, bundles, ceilings and locks in folders that start empty: neither what the machine
    keeps nor another worker of pytest-xdist leaks in. Downloaded weights stay, and workers share the
    indexes of families, which take a library and seconds, and the script of Vega.
    """
    cache = tmp_path_factory.mktemp("cache")
    (cache / "model-harness").mkdir()
    for name in ("families", "vega"):
        shared = session_folder(tmp_path_factory) / name
        shared.mkdir(exist_ok=True)
        (cache / "model-harness" / name).symlink_to(shared)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    own = {
        "HF_HOME": os.environ.get("HF_HOME", f"{home}/huggingface"),
        "TORCH_HOME": os.environ.get("TORCH_HOME", f"{home}/torch"),
        "XDG_CACHE_HOME": str(cache),
        "TMPDIR": str(tmp_path_factory.mktemp("t")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", None)  # or it keeps what it read before
        patch.setattr("harness.catalogue.families._build", list_here)
        yield


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """What the harness logs meanwhile. In place of `caplog`, whose plugin hangs handlers on each of torch's forty
    loggers, and takes them off, three times a test: a fifth of what a short test costs.
    """
    kept, logger = _Kept(), logging.getLogger("harness")
    logger.addHandler(kept)
    yield kept.records
    logger.removeHandler(kept)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage while files of tests are imported, which makes little of it and took a third of the time,
    nor later through what tests are collected with.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _libraries_are_no_garbage() -> None:
    """Nor through what the files before have imported and made: each collection that a measurement starts
    took a fifth of a second. The fork server does so for jobs.
    """
    gc.collect(1)
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _torch_as_before() -> Iterator[None]:
    """A file that leaves torch otherwise fails itself, and not one that this worker happens to run later."""
    import torch

    def settings() -> tuple[bool, bool, bool]:
        return (
            torch.backends.mha.get_fastpath_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_grad_enabled(),
        )

    before = settings()
    yield
    assert settings() == before, "(fast path of encoders, determinism, gradients) were not put back"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Under pytest-xdist, run a test that is marked exclusive while no other worker runs any.

    Every test holds a lock, shared or exclusive, its fixtures' making included. Whoever wants it passes
    a gate, which an exclusive test keeps shut while it waits and runs: else the other workers would hand
    the shared lock from one to the next for ever. Locks are on files that are there anyway.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    with _locked(_GATE, fcntl.LOCK_EX) as leave:
        if item.get_closest_marker("exclusive"):
            with _locked(_ROOM, fcntl.LOCK_EX):
                return (yield)
        with _locked(_ROOM, fcntl.LOCK_SH):
            leave()
            return (yield)


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[Callable[[], None]]:
    """Hold a lock on a file; yield what gives it up early. A fork that lives on does not keep it."""
    with open(path, "rb") as file:
        fcntl.flock(file, kind)
        leave = partial(fcntl.flock, file, fcntl.LOCK_UN)
        try:
            yield leave
        finally:
            leave()
